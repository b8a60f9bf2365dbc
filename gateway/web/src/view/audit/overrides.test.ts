import { PERMISSIONS } from "confab-client";
import { expect, it } from "vitest";
import { overrideChanges, readOverride, readOverrides, type Override } from "./overrides.ts";

const { ADD_REACTIONS, SEND_MESSAGES, VIEW_CHANNEL } = PERMISSIONS;
const shape = (before: Override[], after: Override[]) =>
  overrideChanges(before, after).map(({ kind, target, permission, before, after }) => [kind, target, permission.name, before, after]);
const over = (kind: Override["kind"], target: number, allow: number, deny: number): Override => ({ kind, target, allow, deny });

it("are told permission by permission, as they were and as they are", () => {
  const before = over("role", 7, VIEW_CHANNEL, SEND_MESSAGES);
  const after = over("role", 7, SEND_MESSAGES, ADD_REACTIONS);
  expect(shape([before], [after])).toEqual([
    ["role", 7, "VIEW_CHANNEL", "allowed", "inherited"],
    ["role", 7, "SEND_MESSAGES", "denied", "allowed"],
    ["role", 7, "ADD_REACTIONS", "inherited", "denied"],
  ]);
  expect(shape([before], [before])).toEqual([]);
});

it("may be new or gone, and a role is not the member with its id", () => {
  expect(shape([over("member", 7, 0, SEND_MESSAGES)], [over("role", 7, SEND_MESSAGES, 0)])).toEqual([
    ["member", 7, "SEND_MESSAGES", "denied", "inherited"],
    ["role", 7, "SEND_MESSAGES", "inherited", "allowed"],
  ]);
});

it("are read as entries hold them", () => {
  expect(readOverride({ kind: "member", target: "115287573272000", allow: 2, deny: 32768 })).toEqual(over("member", 115287573272000, 2, 32768));
  expect([readOverride(null), readOverride({}), readOverrides("x")]).toEqual([undefined, undefined, []]);
  expect(Math.max(...Object.values(PERMISSIONS))).toBeLessThan(2 ** 31);
});
