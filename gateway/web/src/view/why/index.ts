// A refusal for want of a permission leads to why that is.
import { currentChannel, currentServer } from "../../app/place.ts";
import { explainRefusals } from "../../app/act.ts";
import { t } from "../../lang/index.ts";
import { layer } from "../panel.ts";
import { openWhy } from "./open.tsx";

explainRefusals(({ reason, detail }, permission) => {
  const server = currentServer()?.server.server_id;
  // Where the server names another cause, the sentence says it.
  if (reason !== "forbidden" || detail !== null || server === undefined) return undefined;
  const channel = layer() === undefined ? currentChannel()?.channel_id : undefined;
  return { label: () => t("Why?"), run: () => openWhy({ server, channel, permission }) };
});
