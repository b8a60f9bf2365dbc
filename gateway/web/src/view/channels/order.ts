// Where channels stand: what a step, a drop or a choice means, and what the server makes of it. Without document or state.
import type { ChannelId, ChannelPlace, Moves, Section } from "confab-client";

/** What one sees under one heading, from the top. */
export interface Shown {
  category: ChannelId | null;
  channels: readonly ChannelId[];
}

/** In this category, before this channel; without one, as the last. A category stands before another one. */
export interface Spot {
  category: ChannelId | null;
  before: ChannelId | null;
}

export const shownIn = (sections: readonly Section[]): Shown[] =>
  sections.map(({ category, channels }) => ({
    category: category?.channel_id ?? null,
    channels: channels.map(({ channel_id }) => channel_id),
  }));

/** A step up or down, also out of a category and into the next; nothing at the end of the list. */
export function stepFrom(list: readonly Shown[], id: ChannelId, by: 1 | -1): Spot | undefined {
  const categories = list.flatMap(({ category }) => category ?? []);
  const at = categories.indexOf(id);
  if (at >= 0) {
    const isOver = by < 0 ? at === 0 : at === categories.length - 1;
    return isOver ? undefined : { category: null, before: categories[by < 0 ? at - 1 : at + 2] ?? null };
  }
  const section = list.findIndex(({ channels }) => channels.includes(id));
  const from = list[section];
  if (from === undefined) return undefined;
  const index = from.channels.indexOf(id);
  const inside = by < 0 ? index > 0 : index < from.channels.length - 1;
  if (inside) return { category: from.category, before: from.channels[by < 0 ? index - 1 : index + 2] ?? null };
  const next = list[section + by];
  return next && { category: next.category, before: by < 0 ? null : (next.channels[0] ?? null) };
}

/** A row of the list, as it stands on the screen. */
export interface Row {
  id: ChannelId;
  /** The category that it stands in, or that it is. */
  category: ChannelId | null;
  isHeading: boolean;
  top: number;
  bottom: number;
}

export interface Drop {
  spot: Spot;
  /** Where a line shows it. */
  line: number;
}

/** Where a channel lands that is let go at this height: between the two rows that are nearest. */
export function dropAt(rows: readonly Row[], y: number): Drop | undefined {
  const over = rows.find(({ bottom }) => y < bottom) ?? rows.at(-1);
  if (over === undefined) return undefined;
  const index = rows.indexOf(over);
  const before = rows[index - 1];
  const next = rows[index + 1];
  if (y < (over.top + over.bottom) / 2) {
    if (!over.isHeading) return { spot: { category: over.category, before: over.id }, line: over.top };
    return { spot: { category: before?.category ?? null, before: null }, line: over.top };
  }
  const follows = next !== undefined && !next.isHeading && next.category === over.category;
  return { spot: { category: over.category, before: follows ? next.id : null }, line: over.bottom };
}

/** The same for a category, which only stands between others. */
export function dropCategoryAt(rows: readonly Row[], y: number): Drop | undefined {
  const headings = rows.filter(({ isHeading }) => isHeading);
  const end = (heading: Row) => rows.findLast(({ category }) => category === heading.id)?.bottom ?? heading.bottom;
  const next = headings.find((heading) => y < (heading.top + end(heading)) / 2);
  if (next !== undefined) return { spot: { category: null, before: next.id }, line: next.top };
  const last = headings.at(-1);
  return last && { spot: { category: null, before: null }, line: end(last) };
}

export interface Move {
  /** What the server is asked for. */
  place: ChannelPlace;
  /** Where all channels will stand. */
  moves: Moves;
}

/**
 * The move that puts a channel there; nothing where it stands there already. The server counts all channels, also those
 * that are hidden: who does not see `all` goes by the positions of its neighbours, which are dense but for what was deleted
 * since the last move.
 */
export function moveTo(places: readonly ChannelPlace[], list: readonly Shown[], id: ChannelId, spot: Spot, all: boolean): Move | undefined {
  const from = places.find(({ channel_id }) => channel_id === id);
  if (from === undefined || spot.before === id) return undefined;
  const others = places.filter((place) => place !== from);
  const index = indexOf(others, list, id, spot);
  const isShownThere = list.some(({ category, channels }) => category === spot.category && channels.includes(id));
  const place = {
    channel_id: id,
    position: all ? index : positionAt(others, index, from.position),
    // A channel whose category is hidden stands among the loose ones, and stays in it.
    parent_id: isShownThere ? from.parent_id : spot.category,
  };
  if (place.parent_id === from.parent_id && places.indexOf(from) === index) return undefined;
  const order = others.toSpliced(index, 0, place);
  return { place, moves: new Map(order.map((one, position) => [one.channel_id, { ...one, position }])) };
}

/** The place among the others, without the one that moves. */
function indexOf(others: readonly ChannelPlace[], list: readonly Shown[], id: ChannelId, spot: Spot): number {
  const at = (sought: ChannelId) => others.findIndex(({ channel_id }) => channel_id === sought);
  if (spot.before !== null) return at(spot.before);
  if (list.some(({ category }) => category === id)) return others.length;
  const there = list.find(({ category }) => category === spot.category)?.channels ?? [];
  const last = there.findLast((channel) => channel !== id) ?? spot.category;
  return last === null ? 0 : at(last) + 1;
}

function positionAt(others: readonly ChannelPlace[], index: number, from: number): number {
  const [next, last] = [others[index], others.at(-1)];
  const position = next?.position ?? (last?.position ?? -1) + 1;
  return position > from ? position - 1 : position;
}
