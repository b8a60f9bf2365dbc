import { expect, it, vi } from "vitest";
import { pageBehind, paged, type Page } from "./paged.ts";

vi.mock("./act.ts", () => ({ sentenceOf: (error: Error) => error.message }));

interface Asked {
  place: number | null;
  answer: (page: Page<string, number>) => void;
  refuse: (error: Error) => void;
}

/** A list whose answers the test gives. */
function list(options?: Parameters<typeof paged<string, number>>[1]) {
  const asked: Asked[] = [];
  const rows = paged<string, number>((place) => new Promise((answer, refuse) => void asked.push({ place, answer, refuse })), options);
  const answer = async (index: number, names: string[], next: number | null) => {
    asked[index]?.answer({ rows: names, next });
    await Promise.resolve();
  };
  return { rows, asked, answer };
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

it("asks for a page once, however often it is asked to, until the end is reached", async () => {
  const { rows, asked, answer } = list();
  expect(rows.rows()).toBeUndefined();
  await answer(0, ["a"], 1);
  rows.more()?.();
  rows.more()?.();
  expect(asked.map(({ place }) => place)).toEqual([null, 1]);
  await answer(1, ["b"], null);
  expect(rows.rows()).toEqual(["a", "b"]);
  expect(rows.more()).toBeUndefined();
  expect(rows.busy()).toBe(false);
});

it("keeps what came when it is refused, and asks for the same again", async () => {
  const { rows, asked, answer } = list();
  await answer(0, ["a"], 1);
  rows.more()?.();
  asked[1]?.refuse(new Error("busy"));
  await settled();
  expect([rows.error(), rows.rows(), rows.busy()]).toEqual(["busy", ["a"], false]);
  rows.retry();
  expect(asked[2]?.place).toBe(1);
  await answer(2, ["b"], null);
  expect([rows.error(), rows.rows()]).toEqual([undefined, ["a", "b"]]);
});

it("drops what comes late for a list that began anew", async () => {
  const { rows, asked, answer } = list();
  await answer(0, ["a"], 1);
  rows.more()?.();
  rows.again();
  await answer(1, ["late"], 2);
  expect([rows.rows(), rows.busy()]).toEqual([["a"], true]);
  await answer(2, ["new"], null);
  expect([rows.rows(), rows.more()]).toEqual([["new"], undefined]);
  rows.again();
  rows.again();
  asked[3]?.refuse(new Error("late"));
  await settled();
  expect(rows.error()).toBeUndefined();
});

it("changes what is on its way as it changed what is there", async () => {
  const { rows, answer } = list({ join: (before, page) => [...new Set([...before, ...page])] });
  rows.change((all) => [...all, "c"]);
  await answer(0, ["a", "b"], 1);
  expect(rows.rows()).toEqual(["a", "b", "c"]);
  rows.more()?.();
  rows.change((all) => all.filter((row) => row !== "a"));
  await answer(1, ["a", "c", "d"], null);
  expect(rows.rows()).toEqual(["b", "c", "d"]);
});

it("forgets what came, and what comes late", async () => {
  const { rows, answer } = list();
  await answer(0, ["a"], 1);
  rows.more()?.();
  rows.forget();
  await answer(1, ["late"], null);
  expect([rows.rows(), rows.more(), rows.busy()]).toEqual([undefined, undefined, false]);
});

it("waits where it is told to", async () => {
  const { rows, asked } = list({ waits: true });
  expect(asked).toEqual([]);
  rows.again();
  expect(asked).toHaveLength(1);
});

it("goes on behind the last row of a full page only", () => {
  expect(pageBehind([1, 2], 2, (row) => row).next).toBe(2);
  expect(pageBehind([1], 2, (row) => row).next).toBeNull();
  expect(pageBehind([], 2, (row) => row).next).toBeNull();
});
