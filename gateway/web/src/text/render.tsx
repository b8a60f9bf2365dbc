// Draws a text from its tree. Nothing here makes markup of what somebody wrote.
import { createMemo, createResource, createSignal, For, Match, Show, Switch, type JSX } from "solid-js";
import type { RoleId, UserId } from "confab-client";
import { t } from "../lang/index.ts";
import { hiddenHost } from "./host.ts";
import { readMarkdown } from "./markdown.ts";
import { textOf } from "./plain.ts";
import type { Block, Inline, Item } from "./tree.ts";
import type { Token } from "./highlight.ts";

/** What a text needs to know of its place. */
export interface Place {
  /** The role of everyone: the server's id. */
  everyone: number;
  userName(id: UserId): string;
  roleName(id: RoleId): string | undefined;
  /** Whether a mention is one: the message says so, or it is the reader's own. */
  isMention(id: number): boolean;
  isMe(id: number): boolean;
  onUser(id: UserId, at: HTMLElement): void;
}

/** `tail` stands at the end of the text, in its last line where that is one of text. */
export function Markdown(props: { content: string; place: Place; tail?: JSX.Element }) {
  const blocks = createMemo(() => readMarkdown(props.content, props.place.everyone));
  const last = () => {
    const block = blocks().at(-1);
    return block?.kind === "paragraph" ? block : undefined;
  };
  return (
    <div class="markdown" classList={{ "only-emoji": isOnlyEmoji(blocks()) }}>
      <Blocks blocks={last() === undefined ? blocks() : blocks().slice(0, -1)} place={props.place} />
      <Show when={last()} keyed fallback={<Show when={props.tail}><p>{props.tail}</p></Show>}>
        {(block) => <p>{inlines(block.children, props.place)}<Show when={props.tail}> {props.tail}</Show></p>}
      </Show>
    </div>
  );
}

/** A few emoji and nothing else are shown larger. */
const MOST_LARGE = 12;

function isOnlyEmoji(blocks: readonly Block[]): boolean {
  const [only, ...others] = blocks;
  if (only?.kind !== "paragraph" || others.length > 0) return false;
  const [text, ...more] = only.children;
  if (text?.kind !== "text" || more.length > 0 || text.text.trim() === "") return false;
  const parts = text.text.split(EMOJI);
  return parts.length <= 2 * MOST_LARGE + 1 && parts.every((part, index) => index % 2 === 1 || part.trim() === "");
}

function Blocks(props: { blocks: readonly Block[]; place: Place }): JSX.Element {
  return <For each={props.blocks}>{(block) => drawBlock(block, props.place)}</For>;
}

function drawBlock(block: Block, place: Place): JSX.Element {
  switch (block.kind) {
    case "paragraph":
      return <p>{inlines(block.children, place)}</p>;
    case "heading":
      return <p class={`heading level-${block.level}`}>{inlines(block.children, place)}</p>;
    case "quote":
      return <blockquote><Blocks blocks={block.children} place={place} /></blockquote>;
    case "list":
      return block.ordered ? (
        <ol class="text-list" start={block.start}>{block.items.map((item) => drawItem(item, place))}</ol>
      ) : (
        <ul class="text-list">{block.items.map((item) => drawItem(item, place))}</ul>
      );
    case "codeblock":
      return <CodeBlock language={block.language} text={block.text} />;
  }
}

const drawItem = (item: Item, place: Place) => (
  <li>
    {inlines(item.children, place)}
    <Blocks blocks={item.nested} place={place} />
  </li>
);

const inlines = (all: readonly Inline[], place: Place): JSX.Element => all.map((one) => drawInline(one, place));

function drawInline(one: Inline, place: Place): JSX.Element {
  switch (one.kind) {
    case "text":
      return withEmoji(one.text);
    case "break":
      return <br />;
    case "code":
      return <code>{one.text}</code>;
    case "strong":
      return <strong>{inlines(one.children, place)}</strong>;
    case "emphasis":
      return <em>{inlines(one.children, place)}</em>;
    case "strike":
      return <s>{inlines(one.children, place)}</s>;
    case "spoiler":
      return <Spoiler>{inlines(one.children, place)}</Spoiler>;
    case "link":
      return (
        <Link href={one.href} named={one.named} text={textOf(one.children)}>{inlines(one.children, place)}</Link>
      );
    case "user":
      return <UserMention id={one.id} place={place} />;
    case "role":
      return <RoleMention id={one.id} place={place} />;
    case "everyone":
      return <span classList={{ "at-mention": place.isMention(place.everyone), me: place.isMention(place.everyone) }}>@everyone</span>;
  }
}

/** A link whose text could be taken for another address says where it leads. */
function Link(props: { href: string; named: boolean; text: string; children: JSX.Element }) {
  return (
    <>
      <a class="leads" href={props.href} target="_blank" rel="noopener noreferrer nofollow ugc" data-tip={props.named ? props.href : undefined}>
        {props.children}
      </a>
      <Show when={hiddenHost(props.href, props.text)}>{(host) => <span class="true-host"> ({host()})</span>}</Show>
    </>
  );
}

const ONE = "(?:\\p{Emoji_Presentation}|\\p{Emoji}\\uFE0F)\\p{Emoji_Modifier}?";
const EMOJI = new RegExp(`(\\p{Regional_Indicator}{2}|${ONE}(?:\\u200D${ONE})*)`, "u");

/** Emoji in their own font: some fonts for text have pale ones of their own. */
function withEmoji(text: string): JSX.Element {
  const parts = text.split(EMOJI);
  return parts.length === 1 ? text : parts.map((part, index) => (index % 2 === 1 ? <span class="emoji">{part}</span> : part));
}

function UserMention(props: { id: UserId; place: Place }) {
  return (
    <Show when={props.place.isMention(props.id) || props.place.isMe(props.id)} fallback={`@${props.place.userName(props.id)}`}>
      <button
        type="button"
        class="at-mention"
        classList={{ me: props.place.isMe(props.id) }}
        onClick={(event) => props.place.onUser(props.id, event.currentTarget)}
      >
        @{props.place.userName(props.id)}
      </button>
    </Show>
  );
}

function RoleMention(props: { id: RoleId; place: Place }) {
  const name = () => props.place.roleName(props.id) ?? t("a deleted role");
  return <span classList={{ "at-mention": props.place.isMention(props.id), me: props.place.isMe(props.id) }}>@{name()}</span>;
}

function Spoiler(props: { children: JSX.Element }) {
  const [shown, setShown] = createSignal(false);
  return (
    <Show
      when={shown()}
      fallback={
        <button type="button" class="spoiler" aria-label={t("Show the spoiler")} onClick={() => setShown(true)}>
          <span aria-hidden="true">{props.children}</span>
        </button>
      }
    >
      <span class="spoiler shown">{props.children}</span>
    </Show>
  );
}

function CodeBlock(props: { language: string | null; text: string }) {
  const wanted = () => (props.language === null ? null : { language: props.language, text: props.text });
  // Where its file is missing, code has no colours.
  const [tokens] = createResource(wanted, async ({ language, text }) => (await import("./highlight.ts").catch(() => undefined))?.highlight(language, text));
  return (
    <pre class="codeblock" aria-label={props.language ?? t("Code")}>
      <code>
        <Switch fallback={props.text}>
          <Match when={tokens.latest}>{(found) => <Tokens tokens={found()} />}</Match>
        </Switch>
      </code>
    </pre>
  );
}

function Tokens(props: { tokens: readonly Token[] }): JSX.Element {
  return (
    <For each={props.tokens}>
      {(token) => (typeof token === "string" ? token : <span class={`hl-${token.scope}`}><Tokens tokens={token.children} /></span>)}
    </For>
  );
}
