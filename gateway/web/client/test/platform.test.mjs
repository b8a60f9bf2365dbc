// What a browser has for a client, and what it refuses.

import assert from "node:assert/strict";
import { test } from "node:test";

import { webLock } from "../build/browser/platform.js";

/** A browser whose locks answer so. */
function browser(request) {
  Object.defineProperty(globalThis, "navigator", { value: { locks: { request } }, configurable: true });
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("a browser that refuses locks has none: the tab sends for itself", async () => {
  browser(() => Promise.reject(new DOMException("storage is off", "SecurityError")));
  let held = 0;
  webLock("outbox", () => held++);
  await settled();
  assert.equal(held, 1);
});

test("who gives up waiting for a lock does not hold it", async () => {
  browser((_name, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))));
  let held = 0;
  webLock("outbox", () => held++).release();
  await settled();
  assert.equal(held, 0);
});
