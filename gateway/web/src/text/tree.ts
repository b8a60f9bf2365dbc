// What a text is made of, as docs/markdown.md has it. Drawn by `render.tsx`: there is no HTML anywhere.
import type { RoleId, UserId } from "confab-client";

export type Mark = "strong" | "emphasis" | "strike" | "spoiler";

export type Inline =
  | { kind: "text"; text: string }
  | { kind: "break" }
  | { kind: "code"; text: string }
  | { kind: Mark; children: Inline[] }
  /** `named` where a text stands in place of the address. */
  | { kind: "link"; href: string; children: Inline[]; named: boolean }
  | { kind: "user"; id: UserId }
  | { kind: "role"; id: RoleId }
  | { kind: "everyone" };

export type Block =
  | { kind: "paragraph"; children: Inline[] }
  | { kind: "heading"; level: 1 | 2 | 3; children: Inline[] }
  | { kind: "quote"; children: Block[] }
  | { kind: "list"; ordered: boolean; start: number; items: Item[] }
  | { kind: "codeblock"; language: string | null; text: string };

export interface Item {
  children: Inline[];
  nested: Block[];
}
