// The emoji picker: a search, what was used last, and a grid of groups that arrows move in.
import { createMemo, createResource, createSignal, For, Show } from "solid-js";
import { Floating, openFloating } from "../../kit/floating.tsx";
import { VirtualList } from "../../kit/virtual.tsx";
import { say, t } from "../../lang/index.ts";
import type { Emoji } from "./data.ts";
import { findEmoji } from "./find.ts";
import { GROUPS, type Group } from "./groups.ts";
import { rememberEmoji, usedEmoji } from "./recent.ts";
import { rowsOf, stepIn, type Row, type Section } from "./rows.ts";

const COLUMNS = 8;
const ROW = 40;

export function openPicker(opener: HTMLElement, picked: (emoji: string) => void): void {
  openFloating(opener, (close) => <Picker opener={opener} picked={picked} close={close} />);
}

function Picker(props: { opener: HTMLElement; picked: (emoji: string) => void; close: () => void }) {
  const [text, setText] = createSignal("");
  const [chosen, setChosen] = createSignal(0);
  const [found] = createResource(text, findEmoji);
  const rows = createMemo(() => rowsOf(sectionsOf(found.latest ?? [], text()), COLUMNS));
  const shown = createMemo(() => rows().flatMap(({ emoji }) => emoji ?? []));
  let grid!: HTMLDivElement;
  const take = (emoji: Emoji | undefined) => {
    if (emoji === undefined) return;
    rememberEmoji(emoji.emoji);
    props.close();
    props.picked(emoji.emoji);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const sideways = event.key === "ArrowLeft" || event.key === "ArrowRight" || event.key === "Home" || event.key === "End";
    const next = sideways && text() !== "" ? undefined : stepIn(rows(), event.key, chosen());
    if (next !== undefined) setChosen(next);
    else if (event.key === "Enter") take(shown()[chosen()]);
    else if (event.key === "Tab") props.close();
    else return;
    event.preventDefault();
    document.getElementById(`emoji-${chosen()}`)?.scrollIntoView({ block: "nearest" });
  };
  const jump = ({ title }: Group) => {
    const at = rows().findIndex((row) => row.emoji === undefined && row.title === say(title));
    grid.querySelector(".virtual")?.scrollTo({ top: at * ROW });
  };

  return (
    <Floating opener={props.opener} side="above" class="picker" label={t("Emoji")} onClose={props.close} onKeyDown={onKeyDown}>
      <div class="field">
        <input
          type="search"
          autofocus
          role="combobox"
          aria-label={t("Find an emoji")}
          aria-expanded="true"
          aria-controls="emoji-grid"
          aria-activedescendant={`emoji-${chosen()}`}
          placeholder={t("Find an emoji")}
          value={text()}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setChosen(0);
          }}
        />
      </div>
      <div id="emoji-grid" class="emoji-grid" ref={grid}>
        <VirtualList items={rows()} row={ROW} label={t("Emoji")} role="grid">
          {(row) => <Line row={row} chosen={chosen()} choose={setChosen} take={take} />}
        </VirtualList>
      </div>
      {/* Until the emoji are there no group has a place to jump to. */}
      <Show when={text() === "" && shown().length > 0}><Groups onJump={jump} /></Show>
      <p class="emoji-name meta cut">
        <Show when={shown()[chosen()]} fallback={found.loading ? "" : t("No emoji has this name.")}>{(emoji) => <>{emoji().name}</>}</Show>
      </p>
    </Floating>
  );
}

function Line(props: { row: Row<Emoji>; chosen: number; choose: (place: number) => void; take: (emoji: Emoji) => void }) {
  const { row } = props;
  if (row.emoji === undefined) return <div class="emoji-heading" role="row"><span role="rowheader">{row.title}</span></div>;
  return (
    <div class="emoji-row" role="row">
      <For each={row.emoji}>
        {(emoji, column) => {
          const place = () => row.from + column();
          return (
            <button
              type="button"
              id={`emoji-${place()}`}
              role="gridcell"
              tabIndex={-1}
              class="emoji"
              classList={{ chosen: place() === props.chosen }}
              aria-label={emoji.name}
              onPointerMove={() => props.choose(place())}
              onClick={() => props.take(emoji)}
            >
              {emoji.emoji}
            </button>
          );
        }}
      </For>
    </div>
  );
}

/** For a pointer: by keys one searches. */
function Groups(props: { onJump: (group: Group) => void }) {
  return (
    <div class="emoji-groups" role="group" aria-label={t("Groups of emoji")}>
      <For each={GROUPS}>
        {(group) => (
          <button type="button" tabIndex={-1} class="emoji" aria-label={say(group.title)} data-tip={say(group.title)} onClick={() => props.onJump(group)}>
            {group.sign}
          </button>
        )}
      </For>
    </div>
  );
}

/** What was used last, and all groups; or what was found, the best first. */
function sectionsOf(all: readonly Emoji[], text: string): Section<Emoji>[] {
  if (text !== "") return [{ title: "", emoji: all }];
  const used = usedEmoji().flatMap((emoji) => all.find((one) => one.emoji === emoji) ?? []);
  const groups = GROUPS.map(({ id, title }) => ({ title: say(title), emoji: all.filter(({ group }) => group === id) }));
  return [{ title: t("Used recently"), emoji: used }, ...groups];
}
