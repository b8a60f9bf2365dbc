import solid from "vite-plugin-solid";
import { defineConfig } from "vitest/config";
import { budget, nothingInline } from "./vite/checks.ts";
import { compressed } from "./vite/compress.ts";
import { serviceWorker } from "./vite/service-worker.ts";
import { trustedTypes } from "./vite/trusted-types.ts";

/** The cluster that `npm run dev` talks to; the default is what `make up` starts. */
const gateway = process.env["CONFAB_GATEWAY"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [trustedTypes(), solid(), nothingInline(), budget(), serviceWorker(), compressed()],
  build: {
    target: ["chrome120", "firefox121", "safari17"],
    // The policy of the page names no `data:`; small files are files, too.
    assetsInlineLimit: 0,
    rolldownOptions: {
      // Nobody who builds the page can do anything about them.
      checks: { pluginTimings: false },
      input: { index: "index.html", sw: "sw/sw.ts" },
      // The address of a service worker says what it serves, and stays.
      output: { entryFileNames: ({ name }) => (name === "sw" ? "sw.js" : "assets/[name]-[hash].js") },
    },
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // The names of all emoji, fetched with the picker, are larger.
    chunkSizeWarningLimit: 700,
  },
  server: {
    host: "127.0.0.1",
    // The gateway compares the origin of a page with the host that was asked: it must stay as it is.
    proxy: { "/ws": { target: gateway, ws: true, changeOrigin: false }, "/api": { target: gateway, changeOrigin: false } },
  },
  test: { include: ["src/**/*.test.ts", "sw/**/*.test.ts", "vite/**/*.test.ts"], environment: "node" },
});
