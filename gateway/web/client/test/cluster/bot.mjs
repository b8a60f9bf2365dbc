// The example of the README, as it stands there.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { arrive, meet, PASSWORD } from "../../testing/people.mjs";

const BOT = new URL("../../examples/echo.mjs", import.meta.url);
const README = new URL("../../README.md", import.meta.url);

export function botAnswers(cluster) {
  test("the example bot answers who mentions it", async () => {
    const ana = await arrive(cluster.urls(), "ana-bot");
    const echo = await arrive(cluster.urls(), "echo");
    const user = echo.state.me.user_id;
    echo.client.close();
    const { server, channel } = await meet(ana);
    const { code } = await ana.client.call("invite_create", server, {});
    const args = [fileURLToPath(BOT), cluster.urls().join(","), "echo", PASSWORD, code];
    const bot = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const exit = once(bot, "exit");
    try {
      const [said] = await once(bot.stdout.setEncoding("utf8"), "data");
      assert.equal(said.trim(), "echo listens");
      ana.client.show(channel);
      ana.client.send(channel, `<@${user}> good morning`);
      const answered = ({ windows }) => windows[channel]?.messages.some(({ author_id }) => author_id === user);
      await ana.until(answered, "the bot answered");
      const [, answer] = ana.state.windows[channel].messages;
      assert.match(answer.content, /(ana-bot|somebody) says: good morning/);
    } finally {
      bot.kill("SIGTERM");
      await exit;
      ana.client.close();
    }
  });

  test("the README shows the example as it is, in 40 lines at most", async () => {
    const [text, readme] = await Promise.all([BOT, README].map((file) => readFile(file, "utf8")));
    assert.ok(text.split("\n").length <= 41);
    assert.ok(readme.includes("```js\n" + text + "```"));
  });
}
