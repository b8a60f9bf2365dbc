// What a build must keep: a page that a strict Content-Security-Policy lets run, and that starts fast.
import { gzipSync } from "node:zlib";
import type { Logger, Plugin, Rollup } from "vite";

/** What the entry and all that it imports at once may weigh. */
const INITIAL_BYTES = 100 * 1000;
const STATIC_STYLE = /<[a-z][^<>`]*\sstyle=/;
const INLINE_CODE = /<style|<script(?![^>]*\ssrc=)|\son[a-z]+=/;

/** Fails the build where the first JavaScript grows above its budget, and says the size of every chunk. */
export function budget(): Plugin {
  let logger: Logger;
  return {
    name: "confab-budget",
    configResolved(config) {
      logger = config.logger;
    },
    generateBundle(_, bundle) {
      const sizes = new Map<string, number>();
      for (const [file, item] of Object.entries(bundle)) {
        if (item.type === "chunk") sizes.set(file, gzipSync(item.code, { level: 9 }).length);
      }
      const initial = reachable(bundle);
      const total = initial.reduce((sum, file) => sum + (sizes.get(file) ?? 0), 0);
      const lines = [...sizes].map(([file, size]) => `  ${initial.includes(file) ? "first" : "later"} ${kilobytes(size)} ${file}`);
      logger.info(`JavaScript, gzip:\n${lines.join("\n")}\n  first in all: ${kilobytes(total)} of ${kilobytes(INITIAL_BYTES)}`);
      if (total > INITIAL_BYTES) throw new Error(`the first JavaScript is ${kilobytes(total)}: load some of it later`);
    },
  };
}

/** Fails the build where markup has a style or code of its own, which the policy of the page refuses. */
export function nothingInline(): Plugin {
  return {
    name: "confab-nothing-inline",
    generateBundle(_, bundle) {
      for (const [file, item] of Object.entries(bundle)) {
        if (item.type === "chunk" && STATIC_STYLE.test(item.code)) throw new Error(`${file}: a template has a style attribute`);
        if (file.endsWith(".html") && item.type === "asset") checkPage(file, String(item.source));
      }
    },
  };
}

function checkPage(file: string, html: string): void {
  if (STATIC_STYLE.test(html) || INLINE_CODE.test(html)) throw new Error(`${file}: inline style or script`);
}

function reachable(bundle: Rollup.OutputBundle): string[] {
  const found = new Set<string>();
  const waiting = Object.values(bundle).flatMap((item) => (item.type === "chunk" && item.isEntry && item.fileName !== "sw.js" ? [item.fileName] : []));
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    const item = bundle[file];
    if (found.has(file) || item?.type !== "chunk") continue;
    found.add(file);
    waiting.push(...item.imports);
  }
  return [...found];
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`.padStart(9);
}
