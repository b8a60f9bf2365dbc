import type { UserId } from "confab-client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { forgetKept, forgetOfAll, readKept, withFirst, writeKept } from "./kept.ts";

const [ana, bo] = [7 as UserId, 77 as UserId];

/** What `Object.keys` says of a storage are its keys. */
class Store {
  getItem = (key: string) => (this as never as Record<string, string>)[key] ?? null;
  setItem = (key: string, value: string) => void Object.assign(this, { [key]: value });
  removeItem = (key: string) => void delete (this as never as Record<string, string>)[key];
}

beforeEach(() => void vi.stubGlobal("localStorage", new Store()));
afterEach(() => void vi.unstubAllGlobals());

it("keeps what is one account's own, and shows it to nobody else", () => {
  writeKept("searches", ana, ["one"]);
  writeKept("searches", bo, ["two"]);
  writeKept("searches", undefined, ["three"]);
  expect([ana, bo, undefined].map((user) => readKept("searches", user, [] as string[]))).toEqual([["one"], ["two"], []]);
});

it("forgets one thing, or all that an account has, and nothing of the others", () => {
  for (const user of [ana, bo]) for (const name of ["places", "searches"]) writeKept(name, user, 1);
  localStorage.setItem("confab.settings", "{}");
  forgetKept(ana, "searches");
  expect([readKept("places", ana, 0), readKept("searches", ana, 0)]).toEqual([1, 0]);
  forgetKept(ana);
  expect([readKept("places", ana, 0), readKept("places", bo, 0), readKept("searches", bo, 0)]).toEqual([0, 1, 1]);
  expect(localStorage.getItem("confab.settings")).toBe("{}");
});

it("forgets one thing of all accounts, and nothing that is called alike", () => {
  for (const user of [ana, bo]) for (const name of ["push", "push-looked"]) writeKept(name, user, 1);
  forgetOfAll("push");
  expect([ana, bo].map((user) => [readKept("push", user, 0), readKept("push-looked", user, 0)])).toEqual([[0, 1], [0, 1]]);
});

it("passes over what cannot be read", () => {
  localStorage.setItem("confab.places.7", "{");
  expect(readKept("places", ana, null)).toBe(null);
});

it("puts the last one first, once", () => {
  expect(withFirst([1, 2, 3], 3, 3)).toEqual([3, 1, 2]);
  expect(withFirst([1, 2, 3], 4, 3)).toEqual([4, 1, 2]);
});

it("costs nothing but itself where the storage is full", () => {
  vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => { throw new DOMException("full", "QuotaExceededError"); } });
  writeKept("places", ana, { 10: 20 });
  expect(readKept("places", ana, {})).toEqual({});
});
