// Gives the focus back when something closes that took it.

const FOCUSABLE = "a[href], button, input, textarea, select, [tabindex]";

/**
 * Remembers who has the focus; what it returns gives it back. Where that is gone, as the buttons of a row that is left are,
 * the nearest around it that is still there has it: a row, or its region.
 */
export function rememberFocus(): () => void {
  const chain: HTMLElement[] = [];
  for (let at = document.activeElement; at !== null; at = at.parentElement?.closest(FOCUSABLE) ?? null) {
    if (at instanceof HTMLElement && at !== document.body) chain.push(at);
  }
  return () => chain.find((element) => element.isConnected && element.offsetParent !== null)?.focus({ preventScroll: true });
}
