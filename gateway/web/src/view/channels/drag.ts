// Dragging channels in the list. Loaded with the first drag.
import type { ChannelId } from "confab-client";
import { state } from "../../app/client.ts";
import { drag, rowsOf, type Press } from "../../kit/drag.ts";
import { move, ROWS } from "./move.ts";
import { dropAt, dropCategoryAt, type Row } from "./order.ts";

export function dragChannel(id: ChannelId, press: Press): void {
  const channel = state.channels[id];
  if (channel === undefined) return;
  const landAt = channel.kind === "category" ? dropCategoryAt : dropAt;
  drag(press, (y) => landAt(placesOf(press.list), y), (spot) => void move(channel, spot));
}

function placesOf(list: HTMLElement): Row[] {
  return rowsOf<ChannelId>(list, ROWS).map(({ row, ...place }) => {
    const within = Number(row.closest<HTMLElement>("[data-category]")?.dataset["category"] ?? 0);
    return { ...place, category: within === 0 ? null : (within as ChannelId), isHeading: state.channels[place.id]?.kind === "category" };
  });
}
