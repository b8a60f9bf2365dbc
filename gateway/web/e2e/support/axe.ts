// What axe finds wrong with a view, in all four themes.
import AxeBuilder from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
export const THEMES = ["dark", "light", "hc-dark", "hc-light"] as const;

/** Fails where the page, as it is, breaks a rule of WCAG 2.2 AA. */
export async function axe(page: Page, what = "the page"): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).withTags(WCAG).analyze();
  const found = violations.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.map((node) => `  ${node.html}`).join("\n")}`);
  expect(found, `what axe finds in ${what}`).toEqual([]);
}

/** The same in each theme. */
export async function axeInThemes(page: Page): Promise<void> {
  for (const theme of THEMES) {
    await page.evaluate((name) => (document.documentElement.dataset["theme"] = name), theme);
    // Colours that are on their way are no colours.
    await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => null))));
    await axe(page, `the theme ${theme}`);
  }
}
