// What stands in a timeline: messages in groups, with a line between days and one before what is new.
import type { Row } from "confab-client";
import { isSameDay, timeOfId } from "../../lang/dates.ts";

export type Line =
  | { key: string; kind: "day"; at: number }
  | { key: string; kind: "new" }
  /** `first`: begins a group, with name and time. */
  | { key: string; kind: "row"; row: Row; at: number; first: boolean };

/** What an author says within this time belongs together. */
const GROUP = 7 * 60_000;

/** `unreadAfter` is the seq behind which the divider stands; null for none. */
export function linesOf(rows: readonly Row[], me: number | undefined, unreadAfter: number | null): Line[] {
  const lines: Line[] = [];
  let before: { author: number | undefined; at: number } | undefined;
  let divided = false;
  for (const row of rows) {
    const at = momentOf(row);
    const author = row.message?.author_id ?? me;
    const newDay = before === undefined || !isSameDay(before.at, at);
    if (newDay) lines.push({ key: `day ${new Date(at).toDateString()}`, kind: "day", at });
    const divide = !divided && unreadAfter !== null && isNew(row, me, unreadAfter);
    if (divide) {
      lines.push({ key: "new", kind: "new" });
      divided = true;
    }
    const follows = before !== undefined && before.author === author && at - before.at < GROUP;
    const first = newDay || divide || !follows || isReply(row);
    lines.push({ key: row.key, kind: "row", row, at, first });
    before = { author, at };
  }
  return lines;
}

/** The lines by their keys. One that says what it said before stays the same, so that its row is not drawn anew. */
export function keepLines(before: ReadonlyMap<string, Line>, lines: readonly Line[]): Map<string, Line> {
  return new Map(
    lines.map((line) => {
      const known = before.get(line.key);
      return [line.key, known !== undefined && isSame(known, line) ? known : line];
    }),
  );
}

function isSame(one: Line, other: Line): boolean {
  if (one.kind === "new" || other.kind === "new") return one.kind === other.kind;
  if (one.at !== other.at) return false;
  if (one.kind === "day" || other.kind === "day") return one.kind === other.kind;
  return one.first === other.first && one.row.message === other.row.message && one.row.send === other.row.send;
}

const momentOf = (row: Row): number => (row.message === null ? (row.send?.created_at ?? 0) : timeOfId(row.message.message_id));
const isReply = (row: Row) => (row.message?.reply_to ?? row.send?.reply_to ?? null) !== null;

/** The reader's own messages are not new to him, but what others said before them may be. */
function isNew({ message }: Row, me: number | undefined, unreadAfter: number): boolean {
  return message !== null && message.seq > unreadAfter && message.author_id !== me;
}
