import { expect, it } from "vitest";
import { spokenName } from "./called.ts";

it("has a sign where messages are, and none where channels are", () => {
  expect(spokenName({ kind: "text", name: "talk" })).toBe("#talk");
  expect(spokenName({ kind: "category", name: "Talk" })).toBe("Talk");
  expect(spokenName({ kind: "separator", name: "-" })).toBe("Separator");
});
