import type { Message, MessageId, Pin } from "confab-client";
import { expect, it, vi } from "vitest";

/** What the client was asked, in order; each waits for its answer. */
const asked: { name: string; answer: (reply: unknown) => void }[] = [];
let tell: (told: { event: { name: string; body: object } }) => void = () => {};
const state = { channels: { 20: { channel_id: 20, server_id: 10 } }, servers: {}, windows: {} };
vi.mock("../../app/client.ts", () => ({
  state,
  client: {
    on: (_name: string, hear: typeof tell) => void (tell = hear),
    meet: () => {},
    call: (name: string) => new Promise((answer) => asked.push({ name, answer })),
  },
}));

const message = (message_id: number) => ({ message_id, author_id: 8, content: "" }) as unknown as Message;
const pin = (id: number) => ({ message: message(id), user_id: 8, pinned_at: id, place: id }) as unknown as Pin;
const happens = (name: string, body: object) => tell({ event: { name, body: { channel_id: 20, ...body } } });
const pins = (id: number) => happens("message_pinned", { message_id: id as MessageId, user_id: 8, pinned_at: id });
const settled = () => new Promise((resolve) => setImmediate(resolve));

it("fetches once, whatever is said meanwhile, and does what happened to pins behind the reply", async () => {
  const { fetchPins, knowPins, pinsOf } = await import("./store.ts");
  const shown = () => pinsOf(20 as never)?.list.map(({ message }) => message.message_id);
  knowPins(state.channels[20] as never);
  for (let each = 0; each < 20; each += 1) happens("reaction_added", { message_id: 1 });
  happens("message_unpinned", { message_id: 1 });
  asked.shift()?.answer({ pins: [pin(2), pin(1)], more: false });
  await settled();
  expect([asked.length, shown()]).toEqual([0, [2]]);

  // Two that are not held: the answers come in another order.
  pins(3);
  pins(4);
  const [third, fourth] = asked.splice(0);
  fourth?.answer(message(4));
  await settled();
  third?.answer(message(3));
  await settled();
  expect(shown()).toEqual([4, 3, 2]);

  // One that is no pin any more once it is known, and one that a page of before does not know.
  pins(5);
  const [fifth] = asked.splice(0);
  happens("message_unpinned", { message_id: 5 });
  void fetchPins(20 as never);
  pins(6);
  const [page, sixth] = asked.splice(0);
  fifth?.answer(message(5));
  sixth?.answer(message(6));
  await settled();
  page?.answer({ pins: [pin(4), pin(3), pin(2)], more: false });
  await settled();
  expect(shown()).toEqual([6, 4, 3, 2]);
});
