// Mentions as people write them, `@Ana`, and as they are sent, `<@12>`.
import { outsideCode } from "./atoms.ts";

/** What may be mentioned: how it is called, and how that is sent. */
export interface Called {
  name: string;
  sent: string;
}

const SENT = /<@&?[1-9][0-9]{0,15}>/g;

/** For the field where one writes. What has no name stays as it is. */
export function toWritten(content: string, all: readonly Called[]): string {
  const names = new Map(all.map(({ name, sent }) => [sent, name]));
  return outsideCode(content, (text) => text.replace(SENT, (sent) => (names.has(sent) ? `@${names.get(sent)}` : sent)));
}

/** For the cluster. The longest name holds; the first of those who are called the same. */
export function toSent(content: string, all: readonly Called[]): string {
  const sent = new Map<string, string>();
  for (const { name, sent: written } of all) if (!sent.has(name.toLowerCase())) sent.set(name.toLowerCase(), written);
  const names = [...sent.keys()].sort((a, b) => b.length - a.length).map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  if (names.length === 0) return content;
  const called = new RegExp(`(?<![\\p{L}\\p{N}_\\\\])@(${names.join("|")})(?![\\p{L}\\p{N}_])`, "giu");
  return outsideCode(content, (text) => text.replace(called, (whole, name: string) => sent.get(name.toLowerCase()) ?? whole));
}
