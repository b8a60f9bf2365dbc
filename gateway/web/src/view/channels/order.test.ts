import type { ChannelId, ChannelPlace } from "confab-client";
import { describe, expect, it } from "vitest";
import { dropAt, dropCategoryAt, moveTo, stepFrom, type Row, type Shown, type Spot } from "./order.ts";

const id = (number: number) => number as ChannelId;
const spot = (category: number | null, before: number | null): Spot => ({
  category: category as ChannelId | null,
  before: before as ChannelId | null,
});

// 1 and 2 stand by themselves, 10 holds 11 and 12, 20 holds nothing.
const LIST: Shown[] = [
  { category: null, channels: [id(1), id(2)] },
  { category: id(10), channels: [id(11), id(12)] },
  { category: id(20), channels: [] },
];
const PLACES: ChannelPlace[] = [1, 2, 10, 11, 12, 20].map((channel, position) => ({
  channel_id: id(channel),
  position,
  parent_id: channel === 11 || channel === 12 ? id(10) : null,
}));
/** Each row is ten high. */
const ROWS: Row[] = [1, 2, 10, 11, 12, 20].map((channel, index) => ({
  id: id(channel),
  category: channel < 10 ? null : id(channel < 20 ? 10 : 20),
  isHeading: channel % 10 === 0,
  top: index * 10,
  bottom: index * 10 + 10,
}));

describe("a step", () => {
  it("goes past the neighbour", () => {
    expect(stepFrom(LIST, id(2), -1)).toEqual(spot(null, 1));
    expect(stepFrom(LIST, id(1), 1)).toEqual(spot(null, null));
    expect(stepFrom(LIST, id(11), 1)).toEqual(spot(10, null));
  });

  it("goes into the next category and out of it", () => {
    expect(stepFrom(LIST, id(2), 1)).toEqual(spot(10, 11));
    expect(stepFrom(LIST, id(11), -1)).toEqual(spot(null, null));
    expect(stepFrom(LIST, id(12), 1)).toEqual(spot(20, null));
  });

  it("ends with the list", () => {
    expect(stepFrom(LIST, id(1), -1)).toBeUndefined();
    expect(stepFrom([LIST[0] as Shown], id(2), 1)).toBeUndefined();
    expect(stepFrom(LIST, id(99), 1)).toBeUndefined();
  });

  it("puts a category past another one", () => {
    expect(stepFrom(LIST, id(10), 1)).toEqual(spot(null, null));
    expect(stepFrom(LIST, id(20), -1)).toEqual(spot(null, 10));
    expect(stepFrom(LIST, id(10), -1)).toBeUndefined();
    expect(stepFrom(LIST, id(20), 1)).toBeUndefined();
  });
});

describe("a drop", () => {
  it("lands before or behind the row under the pointer", () => {
    expect(dropAt(ROWS, 12)).toEqual({ spot: spot(null, 2), line: 10 });
    expect(dropAt(ROWS, 18)).toEqual({ spot: spot(null, null), line: 20 });
    expect(dropAt(ROWS, 38)).toEqual({ spot: spot(10, 12), line: 40 });
  });

  it("lands at the end of what is above a heading, or as the first below it", () => {
    expect(dropAt(ROWS, 22)).toEqual({ spot: spot(null, null), line: 20 });
    expect(dropAt(ROWS, 28)).toEqual({ spot: spot(10, 11), line: 30 });
    expect(dropAt(ROWS, 58)).toEqual({ spot: spot(20, null), line: 60 });
  });

  it("lands at an end where the pointer is beyond it", () => {
    expect(dropAt(ROWS, -5)).toEqual({ spot: spot(null, 1), line: 0 });
    expect(dropAt(ROWS, 500)).toEqual({ spot: spot(20, null), line: 60 });
    expect(dropAt([], 5)).toBeUndefined();
  });

  it("of a category lands between categories", () => {
    expect(dropCategoryAt(ROWS, 5)).toEqual({ spot: spot(null, 10), line: 20 });
    expect(dropCategoryAt(ROWS, 45)).toEqual({ spot: spot(null, 20), line: 50 });
    expect(dropCategoryAt(ROWS, 58)).toEqual({ spot: spot(null, null), line: 60 });
  });
});

describe("a move", () => {
  const move = (channel: number, to: Spot, all = true) => moveTo(PLACES, LIST, id(channel), to, all);
  const order = (channel: number, to: Spot) =>
    [...(move(channel, to)?.moves.values() ?? [])].map(({ channel_id, parent_id }) => `${channel_id}${parent_id === null ? "" : ` in ${parent_id}`}`);

  it("counts the place among all channels without the one that moves", () => {
    expect(move(1, spot(null, null))?.place).toEqual({ channel_id: 1, position: 1, parent_id: null });
    expect(move(2, spot(10, 12))?.place).toEqual({ channel_id: 2, position: 3, parent_id: 10 });
    expect(move(12, spot(null, 1))?.place).toEqual({ channel_id: 12, position: 0, parent_id: null });
    expect(move(1, spot(20, null))?.place).toEqual({ channel_id: 1, position: 5, parent_id: 20 });
  });

  it("foretells the order", () => {
    expect(order(12, spot(10, 11))).toEqual(["1", "2", "10", "12 in 10", "11 in 10", "20"]);
    expect(order(20, spot(null, 10))).toEqual(["1", "2", "20", "10", "11 in 10", "12 in 10"]);
  });

  it("asks for nothing where the channel stands already", () => {
    expect(move(1, spot(null, 2))).toBeUndefined();
    expect(move(1, spot(null, 1))).toBeUndefined();
    expect(move(12, spot(10, null))).toBeUndefined();
  });

  it("goes by the positions of the neighbours where channels are hidden", () => {
    const sparse = PLACES.map((place) => ({ ...place, position: place.position * 2 + 1 }));
    expect(moveTo(sparse, LIST, id(12), spot(null, 2), false)?.place.position).toBe(3);
    expect(moveTo(sparse, LIST, id(1), spot(10, 12), false)?.place.position).toBe(8);
    expect(moveTo(sparse, LIST, id(1), spot(20, null), false)?.place.position).toBe(11);
  });

  it("leaves a channel in a category that is hidden", () => {
    const places = PLACES.map((place) => (place.channel_id === 2 ? { ...place, parent_id: id(77) } : place));
    expect(moveTo(places, LIST, id(2), spot(null, 1), true)?.place.parent_id).toBe(77);
  });
});
