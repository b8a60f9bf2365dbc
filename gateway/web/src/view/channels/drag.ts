// Dragging channels in the list. Loaded with the first drag.
import type { ChannelId, ChannelState } from "confab-client";
import { state } from "../../app/client.ts";
import { drag, type Press } from "../../kit/drag.ts";
import { move } from "./move.ts";
import { dropAt, dropCategoryAt, type Row } from "./order.ts";

export function dragChannel(channel: ChannelState, press: Press): void {
  const landAt = channel.kind === "category" ? dropCategoryAt : dropAt;
  drag(press, (y) => landAt(rowsOf(press.list), y), (spot) => void move(channel, spot));
}

function rowsOf(list: HTMLElement): Row[] {
  return [...list.querySelectorAll<HTMLElement>("[data-channel]")].map((row) => {
    const id = Number(row.dataset["channel"]) as ChannelId;
    const isHeading = state.channels[id]?.kind === "category";
    const within = Number(row.closest<HTMLElement>("[data-category]")?.dataset["category"] ?? 0);
    const { top, bottom } = row.getBoundingClientRect();
    return { id, category: within === 0 ? null : (within as ChannelId), isHeading, top, bottom };
  });
}
