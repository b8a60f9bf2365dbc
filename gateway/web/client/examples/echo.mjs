// A bot that answers whoever mentions it. Usage: node echo.mjs https://chat.example NAME PASSWORD [INVITE]
import { createClient, nameOf, Refusal } from "confab-client";

// Node has one of its own from 22 on; Node 20 takes that of the package ws.
const webSocket = globalThis.WebSocket ?? (await import("ws")).default;
const [url, name, password, invite] = process.argv.slice(2);
const bot = createClient({ url: url.split(","), webSocket });

bot.on("connection", ({ state }) => console.error(`connection: ${state}`));
bot.on("event", ({ event }) => {
  if (event.name !== "message_created") return;
  const { channel_id, message } = event.body;
  const me = bot.state.me.user_id;
  if (message.author_id === me || !message.mentions.includes(me)) return;
  const text = message.content.replaceAll(`<@${me}>`, "").trim();
  const author = nameOf(bot.state, message.author_id) ?? "somebody";
  bot.send(channel_id, `${author} says: ${text}`, { replyTo: message.message_id });
});

await bot.signIn({ name, password, device: "echo" });
if (invite) {
  await bot.call("invite_redeem", 0, { code: invite }).catch((refusal) => {
    if (!(refusal instanceof Refusal) || refusal.reason !== "already_member") throw refusal;
  });
}
console.log(`${name} listens`);
process.once("SIGTERM", () => {
  bot.close();
  process.exit();
});
