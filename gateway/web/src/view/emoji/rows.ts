// How emoji stand in a grid: groups below each other, each under its heading, and where an arrow leads among them.

export interface Section<One> {
  title: string;
  emoji: readonly One[];
}

/** A heading, or some emoji; `from` is the place of the first of them among all. */
export type Row<One> = { title: string; emoji?: never } | { from: number; emoji: readonly One[] };

/** A group without a title has no heading, and an empty one is not there. */
export function rowsOf<One>(sections: readonly Section<One>[], columns: number): Row<One>[] {
  let from = 0;
  return sections.flatMap(({ title, emoji }) => {
    if (emoji.length === 0) return [];
    const lines = Array.from({ length: Math.ceil(emoji.length / columns) }, (_, line) => {
      const shown = emoji.slice(line * columns, (line + 1) * columns);
      from += shown.length;
      return { from: from - shown.length, emoji: shown };
    });
    return title === "" ? lines : [{ title }, ...lines];
  });
}

/** Where a key leads from a place; undefined where it is none of the grid. */
export function stepIn<One>(rows: readonly Row<One>[], key: string, place: number): number | undefined {
  const lines = rows.flatMap((row) => (row.emoji === undefined ? [] : [row]));
  const last = lines.reduce((count, { emoji }) => count + emoji.length, 0) - 1;
  if (key === "Home") return 0;
  if (key === "End") return last;
  if (key === "ArrowLeft") return Math.max(0, place - 1);
  if (key === "ArrowRight") return Math.min(last, place + 1);
  if (key !== "ArrowUp" && key !== "ArrowDown") return undefined;
  const at = lines.findIndex(({ from, emoji }) => place < from + emoji.length);
  const [here, there] = [lines[at], lines[at + (key === "ArrowUp" ? -1 : 1)]];
  if (here === undefined || there === undefined) return place;
  return there.from + Math.min(place - here.from, there.emoji.length - 1);
}
