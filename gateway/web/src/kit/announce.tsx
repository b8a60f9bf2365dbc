// The one polite region of the page: short sentences about what others do. What comes faster than
// one a second is counted instead.
import { createSignal } from "solid-js";

const PAUSE = 1000;
const [text, setText] = createSignal("");
let waiting: string[] = [];
let timer: number | undefined;

/** Says `sentence`; of several in a second `many` says how many. */
export function announce(sentence: string, many?: (count: number) => string): void {
  if (timer === undefined) {
    setText(sentence);
    timer = window.setTimeout(flush, PAUSE, many);
  } else {
    waiting.push(sentence);
  }
}

function flush(many?: (count: number) => string): void {
  timer = undefined;
  const said = waiting;
  waiting = [];
  const [first] = said;
  if (first !== undefined) announce(said.length === 1 || many === undefined ? first : many(said.length), many);
}

export function Announcer() {
  return <div class="unseen" aria-live="polite">{text()}</div>;
}
