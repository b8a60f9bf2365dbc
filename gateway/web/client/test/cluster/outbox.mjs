// What was sent arrives once and in order, whatever dies in between.

import assert from "node:assert/strict";
import { test } from "node:test";

import { memoryStorage, rowsOf } from "../../build/index.js";
import { arrive, meet, newClient, open, PASSWORD } from "../../testing/people.mjs";

const MESSAGES = 120;

export function outboxSurvives(cluster) {
  test("a gateway is killed under two who talk: nothing is lost, doubled or out of order", async () => {
    const [ana, bo] = await Promise.all(["ana-killed", "bo-killed"].map((name) => arrive(cluster.urls(), name)));
    const { channel } = await meet(ana, bo);
    for (const { client } of [ana, bo]) client.show(channel);
    await bo.until(({ windows }) => windows[channel]?.head, "the channel is shown");
    const keys = [];
    for (let number = 0; number < MESSAGES; number += 1) {
      keys.push(ana.client.send(channel, `message ${number}`));
      if (number % 25 === 10) ana.cut();
      if (number === 60) await cluster.kill("gateway-1");
      if (number % 10 === 0) await ana.until(({ sends }) => Object.keys(sends).length < 5, "most were sent");
    }
    await arrived(ana, channel);
    await bo.until(({ windows }) => windows[channel].messages.length === MESSAGES, "the other one has them all");
    const contents = keys.map((_, number) => `message ${number}`);
    for (const { state } of [ana, bo]) {
      assert.deepEqual(state.windows[channel].messages.map(({ content }) => content), contents);
    }
    // A line is the same from the wish to the message.
    assert.deepEqual(rowsOf(ana.state, channel).map(({ key }) => key), keys);
    for (const { client } of [ana, bo]) client.close();
  });

  test("what was written offline is sent after a reload, in order", async () => {
    const storage = memoryStorage();
    const kept = { storage: () => storage };
    const before = await arrive(cluster.urls(), "ana-offline", kept);
    const { channel } = await meet(before);
    before.client.setOnline(false);
    before.cut();
    await before.until(({ connection }) => connection.state === "offline", "it is offline");
    for (const text of ["one", "two", "three"]) before.client.send(channel, text);
    before.client.draft(channel, "and then");
    const user = before.state.me.user_id;
    before.client.close();

    const after = newClient(cluster.urls(), kept);
    await after.client.restore(user);
    const shown = rowsOf(after.state, channel).map(({ send }) => [send.content, send.state]);
    assert.deepEqual(shown, [["one", "waiting"], ["two", "waiting"], ["three", "waiting"]]);
    assert.equal(after.state.drafts[channel].text, "and then");
    await after.client.signIn({ name: "ana-offline", password: PASSWORD });
    await open(after);
    after.client.show(channel);
    await arrived(after, channel);
    await after.until(({ windows }) => windows[channel]?.head, "the channel is shown");
    assert.deepEqual(after.state.windows[channel].messages.map(({ content }) => content), ["one", "two", "three"]);
    assert.deepEqual(await storage.all("outbox"), []);
    after.client.close();
  });
}

function arrived({ until }, channel) {
  return until(({ sends }) => Object.values(sends).every(({ channel_id }) => channel_id !== channel), "all was sent");
}
