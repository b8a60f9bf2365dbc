// A finger, as the browser feels one: with the presses that it makes of touches, and its own long press.
import type { Locator, Page } from "@playwright/test";

interface Point {
  x: number;
  y: number;
}

async function middleOf(locator: Locator): Promise<Point> {
  const box = await locator.boundingBox();
  if (box === null) throw new Error("it is not to be seen");
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

/** Lays a finger on something, and leaves it there until `done` holds. */
export async function longPress(page: Page, locator: Locator, done: () => Promise<unknown>): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const point = await middleOf(locator);
  await session.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [point] });
  await done();
  await session.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await session.detach();
}

/** Draws a finger from one place to another, where it rests before it leaves: or the browser takes it for a throw. */
export async function swipe(page: Page, from: Point, to: Point): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const steps = 6;
  const pictures = 12;
  const picture = () => page.evaluate(() => new Promise(requestAnimationFrame));
  await session.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [from] });
  for (let at = 1; at <= pictures; at += 1) {
    await picture();
    const share = Math.min(1, at / steps);
    const point = { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
    await session.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: [point] });
  }
  await session.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await session.detach();
}

/** Across something, from its one side to the other. */
export async function swipeAcross(page: Page, locator: Locator, way: "left" | "right"): Promise<void> {
  const box = await locator.boundingBox();
  if (box === null) throw new Error("it is not to be seen");
  const y = box.y + box.height / 2;
  const [left, right] = [{ x: box.x + 60, y }, { x: box.x + box.width - 60, y }];
  await (way === "left" ? swipe(page, right, left) : swipe(page, left, right));
}
