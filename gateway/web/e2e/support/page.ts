// What many stories look for in a page.
import { expect, type Locator, type Page } from "@playwright/test";

/** Where one writes. Where one may not, what says so stands in its place. */
export const composer = (page: Page): Locator => page.getByRole("textbox", { name: /^Message #/ });

/** Opens the quick switcher, as anybody reaches it from anywhere. */
export async function openSwitcher(page: Page): Promise<Locator> {
  await page.keyboard.press("Control+KeyK");
  const field = page.getByRole("combobox", { name: "Channel, person, server or command" });
  await expect(field).toBeFocused();
  return field;
}
