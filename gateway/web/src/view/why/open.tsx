// "Why?": beside what somebody may not do. What answers is loaded when it is asked.
import { withPart } from "../../app/update.ts";
import { openDialog } from "../../kit/dialog.tsx";
import type { Asked } from "./asked.ts";

export function openWhy(asked: Asked): void {
  withPart(() => import("./why.tsx"), ({ Why }) => openDialog((close) => <Why {...asked} close={close} />));
}
