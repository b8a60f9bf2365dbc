import { expect, it } from "vitest";
import { isOwnScript } from "./trusted.ts";

it("lets through the scripts of this page alone", () => {
  const own = (address: string) => isOwnScript(address, "https://chat.example");
  expect(["/sw.js", "/assets/ticker-B7bh_A-z.js", "https://chat.example/assets/a.js"].filter((address) => !own(address))).toEqual([]);
  const others = [
    "//evil.example/assets/a.js",
    "https://evil.example/sw.js",
    "http://chat.example/sw.js",
    "data:/assets/a.js",
    "blob:https://chat.example/assets/a.js",
    "/assets/../a.js",
    "/assets/a/b.js",
    "/api/v1/commands/a.js",
    "javascript:/sw.js",
  ];
  expect(others.filter(own)).toEqual([]);
});
