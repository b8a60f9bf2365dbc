// Opens the dialog that makes or joins a server, which is fetched then.
import { withPart } from "../../app/update.ts";

export const addServer = () => withPart(() => import("./forms.tsx"), ({ openAdd }) => openAdd());
