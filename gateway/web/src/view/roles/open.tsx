// The dialog of the roles that are for everyone, loaded when it is opened.
import type { ServerId } from "confab-client";
import { openDialog } from "../../kit/dialog.tsx";

export async function openOwnRoles(server: ServerId): Promise<void> {
  const { OwnRoles } = await import("./own.tsx");
  openDialog((close) => <OwnRoles server={server} close={close} />);
}
