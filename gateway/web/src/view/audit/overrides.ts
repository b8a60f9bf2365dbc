// What became of overrides, permission by permission. Here is no state and no I/O: who is meant the caller names.
import { PERMISSIONS } from "confab-client";
import type { Sentence } from "../../lang/index.ts";
import { GROUPS, type PermissionWords } from "../permissions/words.ts";

export interface Override {
  kind: "role" | "member";
  target: number;
  allow: number;
  deny: number;
}

export interface OverrideChange {
  kind: Override["kind"];
  target: number;
  permission: PermissionWords;
  before: Sentence;
  after: Sentence;
}

const ALL = GROUPS.flatMap(({ permissions }) => permissions);

/** An override as an entry holds it, where ids are texts; nothing where it is none. */
export function readOverride(value: unknown): Override | undefined {
  const { kind, target, allow, deny } = (value ?? {}) as Record<string, unknown>;
  if (kind !== "role" && kind !== "member") return undefined;
  return { kind, target: Number(target), allow: Number(allow), deny: Number(deny) };
}

export const readOverrides = (value: unknown): Override[] => (Array.isArray(value) ? value.flatMap((one) => readOverride(one) ?? []) : []);

const stateOf = (override: Override | undefined, bit: number): Sentence =>
  ((override?.deny ?? 0) & bit) !== 0 ? "denied" : ((override?.allow ?? 0) & bit) !== 0 ? "allowed" : "inherited";

/** Each permission that one of two lists of overrides says otherwise than the other. */
export function overrideChanges(before: readonly Override[], after: readonly Override[]): OverrideChange[] {
  const same = (one: Override) => (other: Override) => other.kind === one.kind && other.target === one.target;
  const targets = [...before, ...after].filter((one, index, all) => all.findIndex(same(one)) === index);
  return targets.flatMap((one) => {
    const [was, is] = [before.find(same(one)), after.find(same(one))];
    return ALL.flatMap((permission): OverrideChange[] => {
      const bit = PERMISSIONS[permission.name];
      const [then, now] = [stateOf(was, bit), stateOf(is, bit)];
      return then === now ? [] : [{ kind: one.kind, target: one.target, permission, before: then, after: now }];
    });
  });
}
