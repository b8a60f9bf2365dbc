// Whether somebody uses the page, and what it runs in; the client knows the rest of the device by itself.
import { client } from "./client.ts";

/** Nobody touched the page for so long: others see the account as idle. */
const IDLE = 5 * 60_000;

/** What lists of sessions and devices call this browser. */
export function deviceName(): string {
  const agent = navigator.userAgent;
  const browser = /Edg|Firefox|Chrome|Safari/.exec(agent)?.[0] ?? "Browser";
  const system = /Android|iPhone|iPad|Windows|Mac|Linux/.exec(agent)?.[0] ?? "";
  return [browser === "Edg" ? "Edge" : browser, system].filter(Boolean).join(", ");
}

/** Tells the client; once in the page. */
export function watchDevice(): void {
  let timer = 0;
  const used = () => {
    clearTimeout(timer);
    client.setIdle(false);
    timer = window.setTimeout(() => client.setIdle(true), IDLE);
  };
  for (const event of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"]) {
    addEventListener(event, used, { passive: true });
  }
}
