// What was found, by channel, each with what was said before and after it.
import type { ChannelState, FoundMessage, Message, MessageId } from "confab-client";
import { createSignal, For, onCleanup, onMount, Show } from "solid-js";
import { forgetWithAccount } from "../../app/account.ts";
import { client, state } from "../../app/client.ts";
import { Icon } from "../../kit/icon.tsx";
import { roving } from "../../kit/roving.ts";
import { plain } from "../../text/plain.ts";
import { Hit } from "../found/hit.tsx";
import { iconOf } from "../channels/icon.ts";
import { namesIn, shownName } from "../people/names.ts";
import type { Group } from "./groups.ts";
import { scope, words } from "./store.ts";

const MESSAGE_CHANGES: ReadonlySet<string> = new Set(["message_edited", "message_deleted", "messages_deleted"]);

export function Results(props: { groups: Group[]; onUp: () => void }) {
  onCleanup(client.on("event", ({ event }) => void (MESSAGE_CHANGES.has(event.name) && around.clear())));
  onCleanup(() => around.clear());
  const keys = (list: HTMLElement) => {
    // Above the first hit is the field.
    list.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowUp" || document.activeElement !== list.querySelector("[data-hit]")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      props.onUp();
    });
    roving(list, "[data-hit]");
  };
  return (
    <div class="found" ref={keys}>
      <For each={props.groups}>
        {(group) => (
          <Show when={state.channels[group.channel]}>
            {(channel) => (
              <section class="found-group">
                <h3 class="found-heading">
                  <Icon name={iconOf(channel())} />
                  <span class="cut">{channel().name}</span>
                  <Show when={scope() === "everywhere"}><span class="meta cut">{state.servers[channel().server_id]?.server.name}</span></Show>
                </h3>
                <For each={group.hits}>{(hit) => <InContext hit={hit} channel={channel()} others={group.hits} />}</For>
              </section>
            )}
          </Show>
        )}
      </For>
    </div>
  );
}

/** What stands around the hits of a list, as far as they were looked at and it still says that. */
const around = new Map<MessageId, Promise<readonly Message[]>>();
forgetWithAccount(() => around.clear());

function surroundings({ server_id, channel_id }: ChannelState, message_id: MessageId): Promise<readonly Message[]> {
  const known = around.get(message_id);
  if (known !== undefined) return known;
  const asked = client
    .call("messages_around", server_id, { channel_id, message_id, limit: 1 }, { patience: 0 })
    .then(({ messages }) => {
      client.meet(messages.map(({ author_id }) => author_id), server_id);
      return messages;
    })
    .catch(() => []);
  around.set(message_id, asked);
  return asked;
}

/** So far from being in sight the lines around a hit are fetched: those that turn out to be none leave no gap in sight. */
const AHEAD = "400px";

/** A hit between the lines before and after it; their room is there from the beginning. */
function InContext(props: { hit: FoundMessage; channel: ChannelState; others: readonly FoundMessage[] }) {
  const { message } = props.hit;
  let element!: HTMLDivElement;
  const [beside, setBeside] = createSignal<readonly Message[]>();
  onMount(() => {
    const observer = new IntersectionObserver(([entry]) => {
      if (!entry?.isIntersecting) return;
      observer.disconnect();
      void surroundings(props.channel, message.message_id).then(setBeside);
    }, { rootMargin: AHEAD });
    observer.observe(element);
    onCleanup(() => observer.disconnect());
  });
  const isHit = (seq: number) => props.others.some(({ message }) => message.seq === seq);
  const line = (side: "before" | "after") => {
    const one = beside()?.find(({ seq }) => (side === "before" ? seq < message.seq : seq > message.seq));
    if (one === undefined || isHit(one.seq)) return "";
    const { server_id } = props.channel;
    return `${shownName(one.author_id, server_id)}: ${plain(one.content, namesIn(server_id), server_id)}`;
  };
  /** A neighbour that is a hit, too, stands in the list by itself; one that was deleted nowhere. */
  const hasLine = (side: "before" | "after") => {
    if (beside() !== undefined) return line(side) !== "";
    return side === "before" ? message.seq > 1 && !isHit(message.seq - 1) : message.seq < props.channel.last_seq && !isHit(message.seq + 1);
  };
  return (
    <div class="in-context" ref={element}>
      <Show when={hasLine("before")}><p class="context cut">{line("before")}</p></Show>
      <Hit message={message} channel={props.channel} words={words()} strong />
      <Show when={hasLine("after")}><p class="context cut">{line("after")}</p></Show>
    </div>
  );
}
