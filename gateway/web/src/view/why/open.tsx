// "Why?": beside what somebody may not do. What answers is loaded when it is asked.
import { openDialog } from "../../kit/dialog.tsx";
import type { Asked } from "./asked.ts";

export async function openWhy(asked: Asked): Promise<void> {
  const { Why } = await import("./why.tsx");
  openDialog((close) => <Why {...asked} close={close} />);
}
