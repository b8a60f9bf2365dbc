// Colours for code: highlight.js, fetched with the first block that names a language. Its tree of
// scopes is drawn as it is, as the HTML that it would make must not be put into the page.
import type { HLJSApi, LanguageFn } from "highlight.js";
import core from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import css from "highlight.js/lib/languages/css";
import go from "highlight.js/lib/languages/go";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import markdown from "highlight.js/lib/languages/markdown";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";

export type Token = string | { scope: string; children: Token[] };

interface Node {
  scope?: string;
  children: (string | Node)[];
}

const LANGUAGES: Record<string, LanguageFn> = {
  bash, c, cpp, css, go, java, javascript, json, markdown, python, rust, sql, typescript, xml, yaml,
};
const hljs: HLJSApi = core.newInstance();
for (const [name, language] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, language);

/** The time that some languages take grows with the cube of a line: one message would hold up the page, and a screen of them end it. */
const WIDEST = 200;

/** The scopes of a code; nothing where the language is not known, or a line is too wide for it. */
export function highlight(language: string, text: string): Token[] | null {
  if (hljs.getLanguage(language) === undefined || text.split("\n").some((line) => line.length > WIDEST)) return null;
  const { _emitter } = hljs.highlight(text, { language, ignoreIllegals: true });
  return tokens((_emitter as unknown as { root: Node }).root);
}

function tokens(node: Node): Token[] {
  return node.children.map((child) =>
    typeof child === "string" ? child : { scope: (child.scope ?? "").split(/[.\s]/)[0] ?? "", children: tokens(child) },
  );
}
