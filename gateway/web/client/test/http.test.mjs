// The HTTP door, where the answer is JSON that anybody may have written: a proxy on the way, or what is no gateway.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fromJson, REQUESTS } from "../build/codec.js";
import { createClient } from "../build/index.js";

const clientOf = (status, json) =>
  createClient({ url: "https://chat.example", fetch: async () => new Response(JSON.stringify(json), { status }) });

test("a reply of another shape is none", async () => {
  const { reply } = REQUESTS.deployment_info;
  const right = { name: "Confab", signup: "open", empty: false };
  assert.equal(fromJson(reply, right).signup, "open");
  for (const wrong of [{ name: {} }, { name: ["x"] }, { empty: "no" }, { signup: "toString" }, { signup: 1 }]) {
    await assert.rejects(clientOf(200, { ...right, ...wrong }).call("deployment_info", 0, {}), /malformed/, JSON.stringify(wrong));
  }
});

test("a reason that objects have anyway is none of ours", async () => {
  for (const reason of ["toString", "__proto__", "constructor"]) {
    await assert.rejects(clientOf(400, { reason }).call("deployment_info", 0, {}), { name: "Refusal", reason: "unavailable" });
  }
  await assert.rejects(clientOf(403, { reason: "forbidden" }).call("deployment_info", 0, {}), { reason: "forbidden" });
});
