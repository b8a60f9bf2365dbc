// What people set for this device: how it looks and behaves here. It is in the browser's storage and on the root element.
import { createRoot, createEffect } from "solid-js";
import { createStore } from "solid-js/store";
import { writeHere } from "./kept.ts";
import { preferred, speak, type Language } from "../lang/index.ts";

export type Theme = "system" | "dark" | "light" | "hc-dark" | "hc-light";
export type Density = "cosy" | "compact";

export interface Settings {
  theme: Theme;
  density: Density;
  bubbles: boolean;
  /** In CSS pixels at the browser's own size: 12 to 20. */
  textSize: number;
  language: Language | "system";
  /** How wide the list of channels is: 200 to 320. */
  listWidth: number;
  members: boolean;
  /** Enter makes a line, Ctrl+Enter sends. */
  enterMakesLine: boolean;
  /** Letters act on a message while the timeline has the focus. */
  letterKeys: boolean;
}

export const TEXT_SIZES = [12, 13, 14, 15, 16, 17, 18, 20] as const;

const KEY = "confab.settings";
const DEFAULTS: Settings = {
  theme: "system",
  density: "cosy",
  bubbles: false,
  textSize: 15,
  language: "system",
  listWidth: 240,
  members: true,
  enterMakesLine: false,
  letterKeys: true,
};

const [settings, setSettings] = createStore<Settings>({ ...DEFAULTS, ...stored() });

export { settings };

export function change<Name extends keyof Settings>(name: Name, value: Settings[Name]): void {
  setSettings(name, value);
  writeHere(KEY, JSON.stringify(settings));
}

/** Keeps the root element as the settings say; once in the page. Other tabs follow. */
export function applySettings(): void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const more = matchMedia("(prefers-contrast: more)");
  const root = document.documentElement;
  const paint = () => {
    root.dataset["theme"] = resolve(settings.theme, dark.matches, more.matches);
    root.dataset["density"] = settings.density;
    root.dataset["textSize"] = String(settings.textSize);
    root.toggleAttribute("data-bubbles", settings.bubbles);
    root.style.setProperty("--list-width", `${settings.listWidth}px`);
  };
  dark.addEventListener("change", paint);
  more.addEventListener("change", paint);
  addEventListener("storage", (event) => {
    if (event.key === KEY) setSettings(stored());
  });
  createRoot(() => {
    createEffect(paint);
    createEffect(() => void speak(settings.language === "system" ? preferred(navigator.languages) : settings.language));
  });
}

/** Which of the four themes is shown. Who asks the system for more contrast gets it, unless he chose otherwise here. */
export function resolve(theme: Theme, dark: boolean, more: boolean): Exclude<Theme, "system"> {
  if (theme !== "system") return theme;
  if (more) return dark ? "hc-dark" : "hc-light";
  return dark ? "dark" : "light";
}

function stored(): Partial<Settings> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Settings>;
  } catch {
    return {};
  }
}
