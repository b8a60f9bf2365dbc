import type { Plugin, Rollup } from "vite";
import { expect, it } from "vitest";
import { serviceWorker } from "./service-worker.ts";

/** What the build makes of a service worker that imports these files. */
function build(imports: string[]): string {
  const worker = { type: "chunk", fileName: "sw.js", code: "start();", imports } as unknown as Rollup.OutputChunk;
  const page = { type: "asset", fileName: "index.html", source: "<!doctype html>" };
  const asset = { type: "chunk", fileName: "assets/index.js", code: "", imports: [] };
  const { handler } = (serviceWorker() as Plugin).generateBundle as unknown as { handler: (options: object, bundle: object) => void };
  handler({}, { "sw.js": worker, "index.html": page, "assets/index.js": asset });
  return worker.code;
}

it("tells the service worker which files the page starts from", () => {
  expect(build([])).toMatch(/^const PRECACHE=\["\/assets\/index.js"\],VERSION="[0-9a-f]{16}";start\(\);$/);
});

it("refuses one that shares a file with the page: it could not have it", () => {
  expect(() => build(["assets/words.js"])).toThrow("the service worker imports assets/words.js");
});
