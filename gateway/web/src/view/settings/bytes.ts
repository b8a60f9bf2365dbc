import { language } from "../../lang/index.ts";

const UNITS = ["byte", "kilobyte", "megabyte"] as const;

/** "1.4 MB": how large something is, in the language that is shown. */
export function bytesText(bytes: number): string {
  const step = bytes < 1000 ? 0 : bytes < 1_000_000 ? 1 : 2;
  const options = { style: "unit", unit: UNITS[step] ?? "byte", maximumFractionDigits: step === 0 ? 0 : 1 };
  return new Intl.NumberFormat(language(), options as Intl.NumberFormatOptions).format(bytes / 1000 ** step);
}
