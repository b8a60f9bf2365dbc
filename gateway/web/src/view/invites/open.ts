// Opens the dialog of an invite, which is fetched then.
import type { ServerId } from "confab-client";
import { withPart } from "../../app/update.ts";
import { openDialog } from "../../kit/dialog.tsx";

export function invite(server: ServerId | 0, closed?: () => void): void {
  withPart(() => import("./dialog.tsx"), ({ InviteDialog }) => {
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
