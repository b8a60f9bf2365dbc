// What others install: all that the package says it has, and nothing that only we need.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL("..", import.meta.url));

test("a tarball has what is exported, its types, an example and the license", async () => {
  const { exports, private: kept, license } = JSON.parse(await readFile(`${HERE}package.json`, "utf8"));
  const [{ files }] = JSON.parse(execFileSync("npm", ["pack", "--ignore-scripts=false", "--dry-run", "--json"], { cwd: HERE, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  const packed = files.map(({ path }) => path);
  const named = Object.values(exports).flatMap((one) => (typeof one === "string" ? [one] : Object.values(one)));
  for (const path of [...named.map((one) => one.replace("./", "")), "README.md", "LICENSE", "examples/echo.mjs"]) assert.ok(packed.includes(path), path);
  assert.deepEqual(packed.filter((path) => /^(src|test|testing)\//.test(path)), []);
  assert.deepEqual([kept, license], [undefined, "Apache-2.0"]);
});
