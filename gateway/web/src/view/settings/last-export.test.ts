import { Refusal, type Export } from "confab-client";
import { createRoot } from "solid-js";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { followLastExport } from "./last-export.ts";

const call = vi.hoisted(() => vi.fn<() => Promise<unknown>>());
vi.mock("../../app/client.ts", () => ({ client: { call } }));
vi.mock("../../app/act.ts", () => ({ sentenceOf: (error: Refusal) => error.reason }));

const document = { hidden: false, addEventListener: () => {}, removeEventListener: () => {} };
const begun = { started_at: 1, finished_at: null } as Export;
const finished = { ...begun, finished_at: 2 } as Export;
const refuse = (reason: "rate_limited" | "unknown_item", retryAfter: number | null) => call.mockRejectedValueOnce(new Refusal(reason, null, retryAfter));
const answer = (found: Export) => call.mockResolvedValueOnce({ export: found });
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
  document.hidden = false;
});
afterEach(() => {
  vi.useRealTimers();
  call.mockReset();
});

it("asks on after a refusal, as late as that says, until it is finished", () =>
  createRoot(async (dispose) => {
    refuse("rate_limited", 9_000);
    answer(begun);
    answer(finished);
    const { last, error } = followLastExport(document);
    await pass(8_999);
    expect([call.mock.calls.length, last(), error()]).toEqual([1, undefined, "rate_limited"]);
    await pass(1);
    expect([call.mock.calls.length, last(), error()]).toEqual([2, begun, undefined]);
    await pass(60_000);
    expect([call.mock.calls.length, last()]).toEqual([3, finished]);
    dispose();
  }));

it("asks nothing in a hidden tab, and once where there is none", () =>
  createRoot(async (dispose) => {
    document.hidden = true;
    const { last } = followLastExport(document);
    await pass(60_000);
    expect(call).not.toHaveBeenCalled();
    dispose();
    document.hidden = false;
    refuse("unknown_item", null);
    await createRoot(async (end) => {
      const seen = followLastExport(document);
      await pass(60_000);
      expect([call.mock.calls.length, seen.last(), last()]).toEqual([1, null, undefined]);
      end();
    });
  }));
