// What a channel is called where it is spoken of.
import type { ChannelState } from "confab-client";
import { t } from "../../lang/index.ts";

/** "#general"; a category holds channels and is called by its name alone, and a line has none that is shown. */
export function spokenName({ kind, name }: Pick<ChannelState, "kind" | "name">): string {
  if (kind === "separator") return t("Separator");
  return kind === "category" ? name : `#${name}`;
}
