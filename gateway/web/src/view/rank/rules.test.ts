import { PERMISSIONS, type Role, type RoleId } from "confab-client";
import { describe, expect, it } from "vitest";
import { mayBeTaken, mayDo, mayGive, mayStand, mayTake, obstacleTo, type Deed } from "./rules.ts";

const { BAN_MEMBERS, CHANGE_NICKNAME, KICK_MEMBERS, MANAGE_NICKNAMES, MANAGE_ROLES, SEND_MESSAGES, TIMEOUT_MEMBERS } = PERMISSIONS;
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

describe("what is offered of roles", () => {
  it("is nothing of a role that stands as high, or higher", () => {
    expect(obstacleTo(SEND_MESSAGES, role(3), mine)).toBe("rank");
    expect(obstacleTo(SEND_MESSAGES, role(2), mine)).toBeUndefined();
    expect(mayGive(role(3), [], mine)).toBe(false);
  });

  it("is no permission that one lacks, neither to give nor to take", () => {
    expect(obstacleTo(BAN_MEMBERS, role(1), mine)).toBe("lacking");
    expect(obstacleTo(BAN_MEMBERS, role(1, BAN_MEMBERS), mine)).toBe("lacking");
    expect(mayGive(role(1, BAN_MEMBERS), [], mine)).toBe(false);
    expect(mayGive(role(1, KICK_MEMBERS), [], mine)).toBe(true);
  });

  it("gives nothing that moderates to a role that everyone may take, but takes it", () => {
    expect(obstacleTo(KICK_MEMBERS, role(1, 0, true), mine)).toBe("self_assignable");
    expect(obstacleTo(KICK_MEMBERS, role(1, KICK_MEMBERS, true), mine)).toBeUndefined();
    expect(obstacleTo(SEND_MESSAGES, role(1, 0, true), mine)).toBeUndefined();
    expect(mayBeTaken(KICK_MEMBERS, [], mine)).toBe(false);
    expect(mayBeTaken(SEND_MESSAGES, [], mine)).toBe(true);
  });

  it("is not to give, or to let everyone take, what channels permit it and deny the reader", () => {
    const said = (held: number, allow: number = SEND_MESSAGES) => [{ allow, deny: 0, held }];
    expect(mayGive(role(1), said(SEND_MESSAGES), mine)).toBe(true);
    expect(mayGive(role(1), said(0), mine)).toBe(false);
    expect(mayBeTaken(0, said(SEND_MESSAGES), mine)).toBe(true);
    expect(mayBeTaken(0, said(0), mine)).toBe(false);
    expect(mayBeTaken(0, said(KICK_MEMBERS, KICK_MEMBERS), mine)).toBe(false);
  });

  it("is to take whatever stands below, but not from oneself what denies one something", () => {
    const denies = [{ allow: 0, deny: SEND_MESSAGES, held: 0 }];
    expect(mayTake(role(2, BAN_MEMBERS), denies, mine, false)).toBe(true);
    expect(mayTake(role(2), denies, mine, true)).toBe(false);
    expect(mayTake(role(2), [], mine, true)).toBe(true);
    expect(mayTake(role(2, 0, true), denies, mine, true)).toBe(true);
    expect(mayTake(role(2), denies, { ...mine, rank: Infinity }, true)).toBe(true);
    expect(mayTake(role(3), [], mine, false)).toBe(false);
    // That of everyone is nobody's to give or take.
    expect(mayTake(role(0), [], mine, false) || mayGive(role(0), [], mine)).toBe(false);
  });

  it("is a place below one's own, and never that of everyone", () => {
    expect(mayStand(1, 2, 5, mine)).toBe(true);
    expect(mayStand(1, 3, 5, mine)).toBe(false);
    expect(mayStand(3, 1, 5, mine)).toBe(false);
    expect(mayStand(1, 0, 5, mine)).toBe(false);
    expect(mayStand(4, 5, 5, { rank: Infinity })).toBe(false);
  });
});

describe("what is offered of members", () => {
  const all = KICK_MEMBERS | BAN_MEMBERS | TIMEOUT_MEMBERS | MANAGE_NICKNAMES | MANAGE_ROLES;
  const whom = { below: { isMe: false, rank: 2 }, equal: { isMe: false, rank: 3 }, none: { isMe: false, rank: undefined }, me: { isMe: true, rank: 3 } };
  const DEEDS: readonly Deed[] = ["rename", "silence", "kick", "ban", "roles", "override"];
  const to = (who: keyof typeof whom, held = all, administers = false) =>
    DEEDS.filter((deed) => mayDo(deed, { rank: 3, held }, { ...whom[who], administers }));

  it("is all to who stands below, and nothing to who stands as high", () => {
    expect(to("below")).toEqual(DEEDS);
    expect(to("equal")).toEqual([]);
  });

  it("is a ban of who is no member, and to oneself a name and roles", () => {
    expect(to("none")).toEqual(["ban"]);
    expect(to("me")).toEqual(["rename", "roles"]);
    expect(to("me", CHANGE_NICKNAME)).toEqual(["rename"]);
  });

  it("is nothing without the right to it, and no silence of who may everything", () => {
    expect(to("below", KICK_MEMBERS | CHANGE_NICKNAME)).toEqual(["kick"]);
    expect(to("below", all, true)).not.toContain("silence");
  });
});
