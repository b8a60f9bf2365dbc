// Minutes of the day as fields of the browser have them, and the zones of the world.
const HOUR = 60;

/** "07:05" */
export const clockOf = (minute: number): string => [Math.floor(minute / HOUR), minute % HOUR].map((part) => String(part).padStart(2, "0")).join(":");

/** The minute of the day; what is no time is its beginning. */
export function minuteOf(clock: string): number {
  const [, hours = "0", minutes = "0"] = /^(\d{2}):(\d{2})/.exec(clock) ?? [];
  return Number(hours) * HOUR + Number(minutes);
}

/** That of this browser. */
export const ownZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The zones that the browser knows, with this one, which another may have set. */
export function zones(set: string): { value: string; label: string }[] {
  const known = new Set([...Intl.supportedValuesOf("timeZone"), "UTC", ownZone(), set]);
  return [...known].sort().map((zone) => ({ value: zone, label: zone.replaceAll("_", " ") }));
}
