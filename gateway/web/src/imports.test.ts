// What may import what. Each layer stands on those below it, and no file leads back to itself by what it imports, types and what is loaded later among it: each can be read, moved and
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

/** From the lowest: a folder imports those of lower layers, and its own. */
const LAYERS = [["trusted.ts"], ["lang"], ["kit"], ["app", "text"], ["view"], ["main.tsx"]];

const layerOf = (folder: string) => LAYERS.findIndex((layer) => layer.includes(folder));

/** The imports that lead up, or to the neighbour. */
function findClimbs(imports: Imports): string[] {
  const folder = (file: string) => file.split("/", 1)[0] ?? file;
  return [...imports].flatMap(([file, all]) => {
    const wrong = all.filter((other) => folder(other) !== folder(file) && layerOf(folder(other)) >= layerOf(folder(file)));
    return wrong.map((other) => `${file} → ${other}`);
  });
}

it("finds an import that leads up, or to the neighbour", () => {
  const imports = new Map([["kit/a.ts", ["lang/b.ts", "app/c.ts"]], ["text/d.ts", ["app/c.ts", "text/e.ts"]]]);
  expect(findClimbs(imports)).toEqual(["kit/a.ts → app/c.ts", "text/d.ts → app/c.ts"]);
});

it("has none, and no folder without a layer", () => {
  const imports = new Map([...readImports()].filter(([file]) => !file.endsWith(".test.ts")));
  expect([...imports.keys()].filter((file) => layerOf(file.split("/", 1)[0] ?? file) < 0)).toEqual([]);
  expect(findClimbs(imports)).toEqual([]);
});

it("finds a circle", () => {
  expect(findCircles(new Map([["a", ["b"]], ["b", ["c"]], ["c", ["b"]]]))).toEqual(["b → c → b"]);
});

it("has no circle", () => {
  const imports = readImports();
  expect(imports.get("main.tsx")).toContain("view/app.tsx");
  expect(findCircles(imports)).toEqual([]);
});
