// A text in one line, without its marks: for what is read out, for reply lines, for notifications.
import type { RoleId, UserId } from "confab-client";
import { readMarkdown } from "./markdown.ts";
import type { Block, Inline } from "./tree.ts";

export interface Names {
  user(id: UserId): string;
  role(id: RoleId): string;
  /** What is said in place of a spoiler. */
  hidden: string;
}

export function plain(content: string, names: Names, everyone = 0): string {
  return readMarkdown(content, everyone).map((block) => ofBlock(block, names)).join(" ").replace(/\s+/g, " ").trim();
}

function ofBlock(block: Block, names: Names): string {
  switch (block.kind) {
    case "codeblock":
      return block.text;
    case "quote":
      return block.children.map((child) => ofBlock(child, names)).join(" ");
    case "list":
      return block.items.map((item) => [inlines(item.children, names), ...item.nested.map((child) => ofBlock(child, names))].join(" ")).join(" ");
    default:
      return inlines(block.children, names);
  }
}

const inlines = (all: readonly Inline[], names: Names): string => all.map((one) => ofInline(one, names)).join("");

/** Text without the names of anybody. */
export const textOf = (all: readonly Inline[]): string => inlines(all, { user: String, role: String, hidden: "" });

function ofInline(one: Inline, names: Names): string {
  switch (one.kind) {
    case "text":
    case "code":
      return one.text;
    case "break":
      return " ";
    case "user":
      return `@${names.user(one.id)}`;
    case "role":
      return `@${names.role(one.id)}`;
    case "everyone":
      return "@everyone";
    case "spoiler":
      return names.hidden;
    default:
      return inlines(one.children, names);
  }
}
