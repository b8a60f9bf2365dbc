import { randomBytes } from "node:crypto";
import type { Plugin, Rollup } from "vite";
import { expect, it } from "vitest";
import { budget, nothingInline } from "./checks.ts";
import { trustedTypes } from "./trusted-types.ts";

type File = Pick<Rollup.OutputChunk, "code" | "isEntry" | "imports">;

const chunk = (fileName: string, code: string, more: Partial<File> = {}) => ({ type: "chunk", fileName, code, isEntry: false, imports: [], ...more });
const page = (source: string) => ({ type: "asset", fileName: "index.html", source });

/** What a plugin says to a bundle of these files. */
function check(plugin: Plugin, ...files: { fileName: string }[]): void {
  (plugin.configResolved as unknown as ((config: object) => void) | undefined)?.({ logger: { info: () => {} } });
  const bundle = Object.fromEntries(files.map((file) => [file.fileName, file]));
  (plugin.generateBundle as unknown as (options: object, bundle: object) => void)({}, bundle);
}

/** Code that gzip makes no smaller than that. */
const heavy = (bytes: number) => randomBytes(bytes).toString("base64");

it("refuses styles and code within markup", () => {
  const good = page('<link rel="stylesheet" href="/a.css"><script type="module" src="/assets/a.js"></script>');
  check(nothingInline(), good, chunk("a.js", "template(`<div class=style>`)"));
  for (const bad of ["<p style='x'>", "<style>p {}</style>", "<script>run()</script>", '<p onclick="run()">']) {
    expect(() => check(nothingInline(), page(bad)), bad).toThrow("index.html");
  }
  expect(() => check(nothingInline(), good, chunk("a.js", 'template(`<div style="color:red">`)'))).toThrow("a.js: a template has a style");
});

it("refuses more JavaScript at first than there may be, whichever file it is in", () => {
  const entry = (...imports: string[]) => chunk("index.js", heavy(10_000), { isEntry: true, imports });
  const large = chunk("large.js", heavy(100_000));
  check(budget(), entry("a.js"), chunk("a.js", ""), large, { ...chunk("sw.js", heavy(100_000), { isEntry: true }) });
  expect(() => check(budget(), entry("large.js"), large)).toThrow("load some of it later");
  expect(() => check(budget(), entry("a.js"), chunk("a.js", "", { imports: ["large.js"] }), large)).toThrow("load some of it later");
});

it("refuses a Solid whose templates it does not find", () => {
  const patched = trustedTypes();
  const transform = patched.transform as unknown as (code: string, id: string) => { code: string } | null;
  const id = "/node_modules/solid-js/web/dist/web.js";
  expect(transform("t.innerHTML = html;", "/src/a.ts")).toBeNull();
  expect(() => check(patched)).toThrow("was not found");
  for (const code of ["", "t.innerHTML = html; t.innerHTML = html;"]) expect(() => transform(code, id)).toThrow("not as expected");
  expect(transform("t.innerHTML = html;", id)?.code).toMatch(/^import .*trusted\.ts";\nt\.innerHTML = confabMarkup\(html\);$/);
  check(patched);
});
