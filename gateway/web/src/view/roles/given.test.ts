import { PERMISSIONS, type Role, type RoleId } from "confab-client";
import { describe, expect, it } from "vitest";
import { dropRoleAt, mayBeTaken, mayGive, mayStand, obstacleTo, reordered } from "./given.ts";

const { BAN_MEMBERS, KICK_MEMBERS, SEND_MESSAGES } = PERMISSIONS;
const mine = { rank: 3, held: SEND_MESSAGES | KICK_MEMBERS };
const role = (position: number, permissions = 0, self_assignable = false): Role => ({
  role_id: (100 + position) as RoleId,
  name: "a role",
  permissions,
  position,
  colour: null,
  hoist: false,
  mentionable: false,
  self_assignable,
  category: null,
});

describe("what is offered by rank", () => {
  it("is nothing of a role that stands as high, or higher", () => {
    expect(obstacleTo(SEND_MESSAGES, role(3), mine)).toBe("rank");
    expect(obstacleTo(SEND_MESSAGES, role(2), mine)).toBeUndefined();
    expect(mayGive(role(3), mine)).toBe(false);
  });

  it("is no permission that one lacks, neither to give nor to take", () => {
    expect(obstacleTo(BAN_MEMBERS, role(1), mine)).toBe("lacking");
    expect(obstacleTo(BAN_MEMBERS, role(1, BAN_MEMBERS), mine)).toBe("lacking");
    expect(mayGive(role(1, BAN_MEMBERS), mine)).toBe(false);
    expect(mayGive(role(1, KICK_MEMBERS), mine)).toBe(true);
  });

  it("gives nothing that moderates to a role that everyone may take, but takes it", () => {
    expect(obstacleTo(KICK_MEMBERS, role(1, 0, true), mine)).toBe("self_assignable");
    expect(obstacleTo(KICK_MEMBERS, role(1, KICK_MEMBERS, true), mine)).toBeUndefined();
    expect(obstacleTo(SEND_MESSAGES, role(1, 0, true), mine)).toBeUndefined();
    expect(mayBeTaken(KICK_MEMBERS, mine)).toBe(false);
    expect(mayBeTaken(SEND_MESSAGES, mine)).toBe(true);
  });

  it("is a place below one's own, and never that of everyone", () => {
    expect(mayStand(1, 2, 5, mine)).toBe(true);
    expect(mayStand(1, 3, 5, mine)).toBe(false);
    expect(mayStand(3, 1, 5, mine)).toBe(false);
    expect(mayStand(1, 0, 5, mine)).toBe(false);
    expect(mayStand(4, 5, 5, { rank: Infinity, held: 0 })).toBe(false);
  });
});

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
