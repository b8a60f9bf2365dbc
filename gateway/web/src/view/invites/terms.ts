// How long an invite is valid and for how many, as people choose it, and whether one that was made is like that.
import type { Invite } from "confab-client";
import { DAY_S, HOUR_S } from "../../lang/spans.ts";

export interface Terms {
  /** In seconds; without end when null. */
  lasts: number | null;
  /** For how many; without end when null. */
  uses: number | null;
}

export const FIRST: Terms = { lasts: 7 * DAY_S, uses: null };

export const LASTS: readonly (number | null)[] = [HOUR_S, DAY_S, 7 * DAY_S, 30 * DAY_S, null];
export const USES: readonly (number | null)[] = [null, 1, 5, 10, 25, 100];

/** How much of its time a link may have lost, and still be given to the next one who asks for such a link. */
const WORN = 1 / 7;

export function isOpen({ revoked, uses, max_uses, expires_at }: Invite, now: number): boolean {
  return !revoked && (max_uses === null || uses < max_uses) && (expires_at === null || expires_at > now);
}

/** Whether an invite, nearly unused, is what somebody asks for: links are not made in heaps. */
export function fits(invite: Invite, { lasts, uses }: Terms, creator: number, now: number): boolean {
  if (invite.creator_id !== creator || !isOpen(invite, now)) return false;
  if (invite.max_uses !== uses || (uses !== null && invite.uses > 0)) return false;
  if (lasts === null || invite.expires_at === null) return lasts === null && invite.expires_at === null;
  const left = (invite.expires_at - now) / 1000;
  return left <= lasts && left >= lasts * (1 - WORN);
}

export const linkOf = (code: string): string => `${location.origin}/i/${code}`;
