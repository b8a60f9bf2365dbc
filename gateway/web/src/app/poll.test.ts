import { Refusal } from "confab-client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { poll, type Watched } from "./poll.ts";

const EVERY = 10_000;
let hidden: boolean;
let hear: (() => void) | undefined;
const watched: Watched = {
  get hidden() {
    return hidden;
  },
  addEventListener: (_, listener) => (hear = listener),
  removeEventListener: () => (hear = undefined),
};
const hide = (now: boolean) => {
  hidden = now;
  hear?.();
};

beforeEach(() => {
  hidden = false;
  vi.useFakeTimers();
});
afterEach(() => void vi.useRealTimers());

/** Answers each question when it is told to, and knows how many were asked. */
function server() {
  const open: { resolve: (answer: number) => void; reject: (error: unknown) => void }[] = [];
  const seen: unknown[] = [];
  let asked = 0;
  const ask = () => {
    asked += 1;
    return new Promise<number>((resolve, reject) => open.push({ resolve, reject }));
  };
  const told = { answer: (answer: number) => void seen.push(answer), refusal: (error: unknown) => void seen.push(error) };
  const settle = async (answer: number | Error) => {
    const question = open.shift();
    if (answer instanceof Error) question?.reject(answer);
    else question?.resolve(answer);
    await vi.advanceTimersByTimeAsync(0);
  };
  return { asked: () => asked, seen, settle, end: poll(ask, EVERY, told, watched) };
}

it("asks at once and then behind each answer, one at a time", async () => {
  const { asked, seen, settle, end } = server();
  expect(asked()).toBe(1);
  await vi.advanceTimersByTimeAsync(5 * EVERY);
  expect(asked()).toBe(1);
  await settle(1);
  await vi.advanceTimersByTimeAsync(EVERY - 1);
  expect(asked()).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(asked()).toBe(2);
  end();
  await settle(2);
  await vi.advanceTimersByTimeAsync(5 * EVERY);
  expect([asked(), seen, hear]).toEqual([2, [1], undefined]);
});

it("asks nothing while it is hidden, and at once when it is seen and due", async () => {
  const { asked, settle, end } = server();
  await settle(1);
  hide(true);
  await vi.advanceTimersByTimeAsync(3 * EVERY);
  expect(asked()).toBe(1);
  hide(false);
  expect(asked()).toBe(2);
  await settle(2);
  hide(true);
  hide(false);
  expect(asked()).toBe(2);
  await vi.advanceTimersByTimeAsync(EVERY);
  expect(asked()).toBe(3);
  end();
});

it("goes on after a refusal, and waits as long as that says", async () => {
  const { asked, seen, settle, end } = server();
  const refusal = new Refusal("rate_limited", null, 3 * EVERY);
  await settle(refusal);
  expect(seen).toEqual([refusal]);
  await vi.advanceTimersByTimeAsync(3 * EVERY - 1);
  expect(asked()).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(asked()).toBe(2);
  await settle(new Error("away"));
  await vi.advanceTimersByTimeAsync(EVERY);
  expect(asked()).toBe(3);
  end();
});
