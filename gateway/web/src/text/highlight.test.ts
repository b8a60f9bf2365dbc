import { expect, it } from "vitest";
import { highlight } from "./highlight.ts";

it("colours what it knows", () => {
  expect(highlight("rust", "fn a() {}")?.[0]).toEqual({ scope: "keyword", children: ["fn"] });
  for (const unknown of ["klingon", "constructor", "__proto__"]) expect(highlight(unknown, "a")).toBeNull();
});

it("leaves code with a line alone that it would take long for", () => {
  const wide = "[a](".repeat(500);
  expect(highlight("markdown", wide)).toBeNull();
  expect(highlight("markdown", `# ok\n${wide}\n# ok`)).toBeNull();
  expect(highlight("markdown", `${"# ok\n".repeat(400)}`)).not.toBeNull();
});
