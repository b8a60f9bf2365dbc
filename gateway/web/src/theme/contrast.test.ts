import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

type Theme = "dark" | "light" | "hc-dark" | "hc-light";
type Rgb = [number, number, number];

const SURFACES = ["rail", "list", "bg", "raised", "hover", "active", "mention"];

/** The least ratio on any surface that the design promises, by theme in the order dark, light, HC dark, HC light. */
const ON_SURFACES: Record<string, [number, number, number, number]> = {
  text: [10.6, 12.2, 13.5, 14.5],
  "text-2": [6.5, 6.2, 11, 11],
  "text-3": [4.9, 4.9, 9.4, 8.7],
  "accent-text": [7.3, 5.3, 9.8, 8.2],
  "danger-text": [5.8, 5.0, 8.3, 7.4],
  "warn-text": [7.6, 5.1, 10, 7.6],
  "ok-text": [7.3, 5.0, 9.9, 7.5],
  edge: [3.0, 3.1, 7.3, 6.3],
  focus: [8.9, 4.2, 11.1, 8.4],
};
const PAIRS: Record<string, [number, number, number, number]> = {
  "ink on accent": [8.9, 6.4, 14.2, 11.4],
  "danger-ink on danger": [5.5, 6.0, 10.7, 9.9],
};
const THEMES: Theme[] = ["dark", "light", "hc-dark", "hc-light"];
const css = readFileSync(new URL("./tokens.css", import.meta.url), "utf8");

describe.each(THEMES.map((theme, column) => ({ theme, column })))("$theme", ({ theme, column }) => {
  const tokens = read(theme);
  const colour = (name: string): Rgb => tokens.get(name) ?? expect.fail(`no ${name}`);

  it.each(Object.keys(ON_SURFACES))("%s can be read on every surface", (name) => {
    const least = Math.min(...SURFACES.map((surface) => ratio(colour(name), colour(surface))));
    expect(least).toBeGreaterThanOrEqual((ON_SURFACES[name]?.[column] ?? 0) - 0.06);
  });

  it.each(Object.keys(PAIRS))("%s", (pair) => {
    const [ink = "", ground = ""] = pair.split(" on ");
    expect(ratio(colour(ink), colour(ground))).toBeGreaterThanOrEqual((PAIRS[pair]?.[column] ?? 0) - 0.06);
  });
});

function read(theme: Theme): Map<string, Rgb> {
  const block = new RegExp(`\\[data-theme="${theme}"\\] \\{([^}]*)\\}`).exec(css)?.[1] ?? "";
  const colours = [...block.matchAll(/--([\w-]+): oklch\(([\d.]+) ([\d.]+) ([\d.]+)\)/g)];
  return new Map(colours.map(([, name = "", l, c, h]) => [name, fromOklch(Number(l), Number(c), Number(h))]));
}

/** Linear sRGB, cut where the screen cannot show it. */
function fromOklch(lightness: number, chroma: number, hue: number): Rgb {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const cut = (value: number) => Math.min(1, Math.max(0, value));
  return [
    cut(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    cut(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    cut(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

function ratio(one: Rgb, other: Rgb): number {
  const luminance = ([r, g, b]: Rgb) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}
