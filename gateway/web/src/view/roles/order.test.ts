import type { RoleId } from "confab-client";
import { describe, expect, it } from "vitest";
import { dropRoleAt, reordered } from "./order.ts";

describe("the order of roles", () => {
  const [all, a, b, c] = [100, 101, 102, 103] as [RoleId, RoleId, RoleId, RoleId];
  const order = [all, a, b, c];
  const rows = [c, b, a, all].map((id, index) => ({ id, top: index * 10, bottom: index * 10 + 10 }));

  it("has one role elsewhere", () => {
    expect(reordered(order, a, 3)).toEqual([all, b, c, a]);
    expect(reordered(order, c, 1)).toEqual([all, c, a, b]);
  });

  it("lands above or below the row under the pointer", () => {
    const land = (id: RoleId, y: number) => dropRoleAt(rows, order, id, y)?.spot;
    expect(land(a, 2)).toBe(3);
    expect(land(a, 8)).toBe(2);
    expect(land(c, 28)).toBe(1);
    expect(land(c, 22)).toBe(2);
    expect(land(b, 12)).toBe(2);
    // Below that of everyone nothing stands: there it may not land.
    expect(land(b, 500)).toBe(0);
  });
});
