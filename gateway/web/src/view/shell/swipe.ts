// What a finger did.

const EDGE = 24;
const FAR = 64;

export type Swipe = "left" | "right" | undefined;

/** What a finger did that went from one place to another on a screen of this width. */
export function swipeOf(from: { x: number; y: number }, to: { x: number; y: number }, width: number): Swipe {
  if (from.x < EDGE || from.x > width - EDGE) return undefined;
  const [x, y] = [to.x - from.x, to.y - from.y];
  if (Math.abs(x) < FAR || Math.abs(x) < 2 * Math.abs(y)) return undefined;
  return x > 0 ? "right" : "left";
}
