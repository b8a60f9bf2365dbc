// A sentence in which what stands between backticks is code: names of files, of programs, of what one types.
import { For } from "solid-js";

export function Coded(props: { text: string }) {
  return <For each={props.text.split("`")}>{(part, index) => (index() % 2 === 1 ? <code class="coded">{part}</code> : part)}</For>;
}
