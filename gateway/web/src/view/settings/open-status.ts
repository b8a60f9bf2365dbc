// Opens one's own status; the dialog is fetched then.
import { lazy } from "solid-js";
import { openDialog } from "../../kit/dialog.tsx";

const StatusDialog = lazy(() => import("./status.tsx"));

export const openStatus = () => openDialog((close) => StatusDialog({ close }));
