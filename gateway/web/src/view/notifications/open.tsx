// Opens what one wants to be told of somewhere; the dialog is fetched then.
import { withPart } from "../../app/update.ts";
import { openDialog } from "../../kit/dialog.tsx";
import type { Place } from "./place.ts";

export function openLevels(place: Place): void {
  withPart(() => import("./levels.tsx"), ({ Levels }) => openDialog((close) => <Levels place={place} close={close} />));
}
