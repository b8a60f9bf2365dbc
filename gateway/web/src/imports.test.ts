// No file leads back to itself by what it imports, types and what is loaded later among it: each can be read, moved and
// tested after those that it stands on.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL(".", import.meta.url));
const IMPORT = /(?:\bfrom\s+|\bimport\s*\(?\s*)"(\.{1,2}\/[^"]+\.tsx?)"/g;

type Imports = ReadonlyMap<string, readonly string[]>;

function readImports(): Imports {
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => /\.tsx?$/.test(file));
  return new Map(
    files.map((file) => {
      const text = readFileSync(join(root, file), "utf8");
      return [file, [...text.matchAll(IMPORT)].map(([, path = ""]) => relative(root, join(root, dirname(file), path)))];
    }),
  );
}

/** The circles that a walk from each file meets, as the files on them. */
function findCircles(imports: Imports): string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, way: readonly string[]): void => {
    if (way.includes(file)) return void circles.push([...way.slice(way.indexOf(file)), file].join(" → "));
    if (done.has(file)) return;
    for (const next of imports.get(file) ?? []) walk(next, [...way, file]);
    done.add(file);
  };
  for (const file of imports.keys()) walk(file, []);
  return circles;
}

it("finds a circle", () => {
  expect(findCircles(new Map([["a", ["b"]], ["b", ["c"]], ["c", ["b"]]]))).toEqual(["b → c → b"]);
});

it("has none", () => {
  const imports = readImports();
  expect(imports.get("main.tsx")).toContain("view/app.tsx");
  expect(findCircles(imports)).toEqual([]);
});
