import { advanceLevel } from "../levels.js";
import { type Handlers } from "./table.js";

export const notification: Handlers<"notification_level_changed" | "notification_settings_updated"> = {
  notification_level_changed: (state, { level }) => advanceLevel(state, level),
  // What it is now is not told: the client asks for it, and has the one before until then.
  notification_settings_updated() {},
};
