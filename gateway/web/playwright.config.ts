// Stories in a real browser, against a real cluster: `npm run e2e`, after `npm run build` and `cargo build --workspace --bins`.
import { defineConfig } from "@playwright/test";

const CHROMIUM = process.env["CONFAB_CHROMIUM"] ?? "/usr/bin/chromium";
/** A browser's sandbox needs rights that root does not hand on. */
const root = process.getuid?.() === 0;

export default defineConfig({
  testDir: "e2e",
  outputDir: "build/e2e",
  // One cluster at a time: its processes need the cores that the browser needs.
  workers: 1,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  forbidOnly: process.env["CI"] !== undefined,
  reporter: [["list"]],
  use: {
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    viewport: { width: 1440, height: 900 },
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
    launchOptions: { executablePath: CHROMIUM, args: root ? ["--no-sandbox"] : [] },
  },
});
