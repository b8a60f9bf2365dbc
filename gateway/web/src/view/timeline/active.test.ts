import { expect, it } from "vitest";
import { come, isActive, leave } from "./active.ts";

it("one row is active: where the pointer or the focus came last, and when that goes the other", () => {
  const active = () => ["a", "b", "c"].filter(isActive);
  come({ by: "focus", row: "a" });
  come({ by: "pointer", row: "b" });
  expect(active()).toEqual(["b"]);
  come({ by: "pointer", row: "c" });
  leave({ by: "pointer", row: "b" });
  expect(active()).toEqual(["c"]);
  leave({ by: "pointer", row: "c" });
  expect(active()).toEqual(["a"]);
  leave({ by: "focus", row: "a" });
  expect(active()).toEqual([]);
});
