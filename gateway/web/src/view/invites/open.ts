// Opens the dialog of an invite, which is fetched then.
import type { ServerId } from "confab-client";
import { openDialog } from "../../kit/dialog.tsx";

export function invite(server: ServerId | 0, closed?: () => void): void {
  void import("./dialog.tsx").then(({ InviteDialog }) => {
    openDialog((close) =>
      InviteDialog({
        server,
        close: () => {
          close();
          closed?.();
        },
      }),
    );
  });
}
