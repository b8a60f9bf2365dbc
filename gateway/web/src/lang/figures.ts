// Sizes and counts, as people say them.
import { language } from "./index.ts";

const SIZES = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** "1.4 MB": how large something is, in the language that is shown. */
export function bytesText(bytes: number): string {
  const step = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), SIZES.length - 1);
  return inUnit(bytes / 1000 ** step, SIZES[step] ?? "byte", step === 0 ? 0 : 1);
}

/** "1,400": how many there are. */
export const countText = (count: number): string => new Intl.NumberFormat(language()).format(count);

/** "12 min": a number in a unit of `Intl`. */
export function inUnit(value: number, unit: string, digits: number, unitDisplay: "short" | "long" = "short"): string {
  const options = { style: "unit", unit, unitDisplay, maximumFractionDigits: digits };
  return new Intl.NumberFormat(language(), options as Intl.NumberFormatOptions).format(value);
}
