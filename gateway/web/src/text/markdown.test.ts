import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readMarkdown } from "./markdown.ts";
import { plain } from "./plain.ts";
import type { Block, Inline } from "./tree.ts";

const inline = (content: string): Inline[] => {
  const [block] = readMarkdown(content, 7);
  return block?.kind === "paragraph" ? block.children : [];
};
const text = (value: string): Inline => ({ kind: "text", text: value });

/** Mentions as the table of the reference writes them. */
function mentions(blocks: readonly Block[]): string[] {
  const ofInline = (one: Inline): string[] => {
    if (one.kind === "user") return [`<@${one.id}>`];
    if (one.kind === "role") return [`<@&${one.id}>`];
    if (one.kind === "everyone") return ["@everyone"];
    return "children" in one ? one.children.flatMap(ofInline) : [];
  };
  return blocks.flatMap((block): string[] => {
    if (block.kind === "quote") return mentions(block.children);
    if (block.kind === "list") return block.items.flatMap(({ children, nested }) => [...children.flatMap(ofInline), ...mentions(nested)]);
    return block.kind === "codeblock" ? [] : block.children.flatMap(ofInline);
  });
}

describe("the reference", () => {
  const page = readFileSync(new URL("../../../../docs/markdown.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| (`{3}|`) ?(.+?) ?\1 \| (.*)\|$/gm)];
  const cases = rows.flatMap(([, , written = "", found = ""]) => {
    const expected = [...found.matchAll(/```(.+?)```/g)].map(([, one = ""]) => one);
    return written.startsWith("<@ID") || written.startsWith("@everyone`") ? [] : [{ written: written.replaceAll("⏎", "\n"), expected }];
  });

  it("has its table of mentions", () => expect(cases.length).toBeGreaterThan(15));

  it.each(cases)("mentions in $written", ({ written, expected }) => {
    expect(mentions(readMarkdown(written, 7))).toEqual(expected);
  });
});

describe("within a block", () => {
  it("emphasises, one inside the other", () => {
    expect(inline("**a *b* c**")).toEqual([{ kind: "strong", children: [text("a "), { kind: "emphasis", children: [text("b")] }, text(" c")] }]);
    expect(inline("***a***")).toEqual([{ kind: "strong", children: [{ kind: "emphasis", children: [text("a")] }] }]);
    expect(inline("~~a~~ ||b||")).toEqual([{ kind: "strike", children: [text("a")] }, text(" "), { kind: "spoiler", children: [text("b")] }]);
    expect(inline("*a **b** c*")).toEqual([{ kind: "emphasis", children: [text("a "), { kind: "strong", children: [text("b")] }, text(" c")] }]);
  });

  it("leaves alone what is no emphasis", () => {
    for (const plainText of ["2 * 3 * 4", "snake_case_name", "** a**", "*", "a_b_", "**open", "||"]) expect(inline(plainText)).toEqual([text(plainText)]);
  });

  it("takes code before all else", () => {
    expect(inline("`**a**`")).toEqual([{ kind: "code", text: "**a**" }]);
    expect(inline("`` a`b ``")).toEqual([{ kind: "code", text: "a`b" }]);
    expect(inline("`open")).toEqual([text("`open")]);
    expect(inline("\\*a\\*")).toEqual([text("*a*")]);
  });

  it("links only where it leads somewhere", () => {
    expect(inline("see https://x.example/a_b_c now")).toEqual([
      text("see "),
      { kind: "link", href: "https://x.example/a_b_c", children: [text("https://x.example/a_b_c")], named: false },
      text(" now"),
    ]);
    expect(inline("[**here**](https://x.example)")).toEqual([
      { kind: "link", href: "https://x.example", children: [{ kind: "strong", children: [text("here")] }], named: true },
    ]);
    expect(inline("<mailto:a@b.example>")[0]).toMatchObject({ kind: "link", href: "mailto:a@b.example" });
    expect(inline("[x](javascript:alert(1))")).toEqual([text("[x](javascript:alert(1))")]);
    expect(inline("<javascript:alert(1)>")).toEqual([text("<javascript:alert(1)>")]);
    expect(inline("![x](https://x.example/y.png)")).toMatchObject([text("!"), { kind: "link", named: true }]);
  });

  it("keeps HTML and line breaks", () => {
    expect(inline("<b>a</b>\nb")).toEqual([text("<b>a</b>"), { kind: "break" }, text("b")]);
  });

  it("reads any text, and says all of it", () => {
    const letters = ["`", "*", "_", "~", "|", "<", ">", "@", "\\", "[", "]", "(", ")", "#", "-", "1.", " ", "\n", "a", "\uFFFC", "https://x.y"];
    let seed = 7;
    const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
    for (let round = 0; round < 2000; round += 1) {
      const content = Array.from({ length: 1 + random(30) }, () => letters[random(letters.length)]).join("");
      expect(() => plain(content, { user: String, role: String, hidden: "" })).not.toThrow();
    }
  });
});

describe("blocks", () => {
  it("are found by how lines begin", () => {
    const blocks = readMarkdown("# T\ntext\n> q\n> > r\n- a\n  - b\n- c\n1. d");
    expect(blocks.map(({ kind }) => kind)).toEqual(["heading", "paragraph", "quote", "list", "list"]);
    expect(blocks[2]).toMatchObject({ children: [{ kind: "paragraph" }, { kind: "quote" }] });
    expect(blocks[3]).toMatchObject({ ordered: false, items: [{ nested: [{ kind: "list" }] }, { nested: [] }] });
  });

  it("have code with its language, between paragraphs", () => {
    expect(readMarkdown("a\n```rust\nfn x() {}\n```\nb")).toEqual([
      { kind: "paragraph", children: [text("a")] },
      { kind: "codeblock", language: "rust", text: "fn x() {}" },
      { kind: "paragraph", children: [text("b")] },
    ]);
    expect(readMarkdown("```\n> a\n\nb\n```")).toEqual([{ kind: "codeblock", language: null, text: "> a\n\nb" }]);
  });

  it("need a space behind their sign", () => {
    expect(readMarkdown("#a\n-b\n>c\n#### d").map(({ kind }) => kind)).toEqual(["paragraph"]);
  });

  it("end with a bound, however deep somebody writes", () => {
    expect(() => readMarkdown("> ".repeat(900) + "a")).not.toThrow();
  });
});

describe("a text in one line", () => {
  it("names people and hides spoilers", () => {
    const names = { user: (id: number) => `u${id}`, role: (id: number) => `r${id}`, hidden: "▇" };
    expect(plain("# Hi <@3>\n**you** ||secret|| `x`", names)).toBe("Hi @u3 you ▇ x");
  });
});
