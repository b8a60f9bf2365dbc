// The dialog of the roles that are for everyone, loaded when it is opened.
import type { ServerId } from "confab-client";
import { withPart } from "../../app/update.ts";
import { openDialog } from "../../kit/dialog.tsx";

export function openOwnRoles(server: ServerId): void {
  withPart(() => import("./own.tsx"), ({ OwnRoles }) => openDialog((close) => <OwnRoles server={server} close={close} />));
}
