// Tells the service worker which files the page starts from.
import { createHash } from "node:crypto";
import type { Plugin } from "vite";

/** The names of all emoji, and colours for code, are kept by the browser when they are used. */
const LARGEST = 200_000;
const NAME = "sw.js";

export function serviceWorker(): Plugin {
  return {
    name: "confab-service-worker",
    // Behind all others: a script that only loads styles is no file in the end, and a list that names it is refused whole.
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const worker = bundle[NAME];
        if (worker?.type !== "chunk") throw new Error("the service worker was not built");
        // It is no module: what it shares with the page would be a file that it cannot have.
        if (worker.imports.length > 0) throw new Error(`the service worker imports ${worker.imports.join(", ")}`);
        const files = Object.entries(bundle)
          .filter(([file, item]) => file.startsWith("assets/") && (item.type === "chunk" ? item.code : item.source).length < LARGEST)
          .map(([file]) => `/${file}`)
          .sort();
        const index = bundle["index.html"];
        const page = index?.type === "asset" ? String(index.source) : "";
        const version = createHash("sha256").update(JSON.stringify([files, page])).digest("hex").slice(0, 16);
        worker.code = `const PRECACHE=${JSON.stringify(files)},VERSION="${version}";${worker.code}`;
      },
    },
  };
}
