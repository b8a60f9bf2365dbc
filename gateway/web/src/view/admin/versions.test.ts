import type { NodeStatus } from "confab-client";
import { expect, it } from "vitest";
import { versionsOf } from "./versions.ts";

const node = (version: string | null): NodeStatus => ({ kind: "worker", name: "worker-1", version, since: null, load: null, gone: null });

it("names each version once, that of most nodes first", () => {
  expect(versionsOf([])).toEqual([]);
  expect(versionsOf(["1.0.0", "1.0.0"].map(node))).toEqual(["1.0.0"]);
  expect(versionsOf(["1.0.0", "1.1.0", null, "1.1.0"].map(node))).toEqual(["1.1.0", "1.0.0", null]);
});

it("does not ask who no longer runs", () => {
  expect(versionsOf([node("1.0.0"), { ...node("0.9.0"), gone: 5 }])).toEqual(["1.0.0"]);
});
