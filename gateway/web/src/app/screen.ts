// How the screen is lifted above the keyboard of a phone, where the browser lays that over the page: those that know
// `interactive-widget` make the page smaller by themselves.

/** Less than this is no keyboard. */
const LEAST = 120;

/** Keeps the page in what is to be seen of it; once in the page. */
export function followKeyboard(): void {
  const seen = globalThis.visualViewport;
  if (!seen) return;
  const root = document.documentElement;
  const fit = () => {
    const hidden = innerHeight - seen.height;
    // Who zooms in sees less, too.
    const covered = seen.scale === 1 && hidden > LEAST;
    if (covered) root.style.setProperty("--screen", `${seen.height}px`);
    else root.style.removeProperty("--screen");
    if (covered) scrollTo(0, 0);
  };
  seen.addEventListener("resize", fit);
}
