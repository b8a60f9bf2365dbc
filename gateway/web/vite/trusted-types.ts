// Under Trusted Types a page may only give markup to the parser that a policy has passed. Solid
// parses its templates in one place, `template()`; this sends that line through the policy of
// `src/trusted.ts`. The templates are made by the compiler, never from data, so nothing that
// anybody wrote can come by there.
import type { Plugin } from "vite";

const FILE = /solid-js[\\/]web[\\/]dist[\\/](web|dev)\.js$/;
const LINE = "t.innerHTML = html;";
const IMPORT = 'import { markup as confabMarkup } from "/src/trusted.ts";\n';

/** Fails the build unless it found the line exactly once. */
export function trustedTypes(): Plugin {
  let found = 0;
  return {
    name: "confab-trusted-types",
    enforce: "pre",
    transform(code, id) {
      if (!FILE.test(id.split("?")[0] ?? id)) return null;
      const parts = code.split(LINE);
      if (parts.length !== 2) throw new Error(`Solid's template() is not as expected in ${id}: look for its innerHTML`);
      found += 1;
      return { code: IMPORT + parts.join("t.innerHTML = confabMarkup(html);"), map: null };
    },
    generateBundle() {
      if (found === 0) throw new Error("Solid's template() was not found, so Trusted Types would refuse to draw the page");
    },
  };
}
