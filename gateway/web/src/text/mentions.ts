// Mentions as people write them, `@Ana`, and as they are sent, `<@12>`.
import { LIMITS } from "confab-client";
import { outsideCode } from "./atoms.ts";
import { escapeRegex, LETTERS } from "./letters.ts";

/** What may be mentioned: how it is called, and how that is sent. */
export interface Called {
  name: string;
  sent: string;
}

const SENT = /<@&?[1-9][0-9]{0,15}>/g;

/** For the field where one writes, by the first name of each. What has no name stays as it is. */
export function toWritten(content: string, all: readonly Called[]): string {
  const names = new Map([...all].reverse().map(({ name, sent }) => [sent, name]));
  return outsideCode(content, (text) => text.replace(SENT, (sent) => (names.has(sent) ? `@${names.get(sent)}` : sent)));
}

/** A name that stands for nobody yet, as accounts are called; what ends a sentence does not belong to it. */
const NAME = new RegExp(`(?<![${LETTERS}\\\\<])@([${LETTERS}.-]{0,${LIMITS.MAX_NAME_CHARS - 1}}[${LETTERS}])`, "gu");

/** What else is called upon in a text that is to be sent, each once. */
export function namesLeft(content: string): string[] {
  const found = new Set<string>();
  const look = (text: string) => {
    for (const [, name = ""] of text.matchAll(NAME)) if (name !== "everyone") found.add(name);
    return text;
  };
  outsideCode(content, look);
  return [...found];
}

/** For the cluster. The longest name holds; the first of those who are called the same. */
export function toSent(content: string, all: readonly Called[]): string {
  const sent = new Map<string, string>();
  for (const { name, sent: written } of all) if (!sent.has(name.toLowerCase())) sent.set(name.toLowerCase(), written);
  // It calls upon all, whoever calls himself so.
  sent.delete("everyone");
  const names = [...sent.keys()].sort((a, b) => b.length - a.length).map(escapeRegex);
  if (names.length === 0) return content;
  const called = new RegExp(`(?<![${LETTERS}\\\\<])@(${names.join("|")})(?![${LETTERS}])`, "giu");
  return outsideCode(content, (text) => text.replace(called, (whole, name: string) => sent.get(name.toLowerCase()) ?? whole));
}
