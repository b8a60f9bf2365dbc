import { PERMISSIONS, type Cause, type Step } from "confab-client";
import { describe, expect, it } from "vitest";
import { bitOf, GROUPS, groupsIn } from "../permissions/words.ts";
import { chainOf } from "./chain.ts";

const step = (cause: Cause, allow: number, deny = 0): Step => ({ cause, role_id: null, user_id: null, allow, deny });
const { SEND_MESSAGES, VIEW_CHANNEL } = PERMISSIONS;

describe("the chain of a decision", () => {
  it("has the steps that name the permission, and the last of them decides", () => {
    const steps = [step("role", VIEW_CHANNEL | SEND_MESSAGES), step("role", VIEW_CHANNEL), step("role_override", 0, SEND_MESSAGES)];
    expect(chainOf(steps, SEND_MESSAGES).map(({ step, allows, decides }) => [step.cause, allows, decides])).toEqual([
      ["role", true, false],
      ["role_override", false, true],
    ]);
  });

  it("is empty where nobody gave it", () => {
    expect(chainOf([step("role", VIEW_CHANNEL)], SEND_MESSAGES)).toEqual([]);
  });
});

describe("the words of permissions", () => {
  it("name each permission once", () => {
    const named = GROUPS.flatMap(({ permissions }) => permissions.map(({ name }) => name));
    expect([...named].sort()).toEqual(Object.keys(PERMISSIONS).sort());
  });

  it("leave out of a channel what means nothing there", () => {
    const names = (kind: Parameters<typeof groupsIn>[0]) => groupsIn(kind).flatMap(({ permissions }) => permissions.map(({ name }) => name));
    expect(names("separator")).toEqual(["VIEW_CHANNEL"]);
    expect(names("category")).toEqual(["VIEW_CHANNEL", "MANAGE_CHANNELS", "MANAGE_ROLES"]);
    expect(names("text")).toContain("SEND_MESSAGES");
    expect(names("text")).not.toContain("BAN_MEMBERS");
    expect(bitOf("SEND_MESSAGES")).toBe(SEND_MESSAGES);
  });
});
