// What people read. English sentences are written where they are used and are the ids of the
// catalogue; every one of them has to be in `de/`, or the compiler says so. A library would bring
// extraction, a runtime and a parser of ICU patterns; with this few kinds of sentences `Intl` and forty lines do.
import { createSignal } from "solid-js";
import type { German } from "./de/index.ts";
import type { Dictionary } from "./dictionary.ts";
import { PLURALS, type Plural } from "./plurals.ts";

export const LANGUAGES = ["en", "de"] as const;
export type Language = (typeof LANGUAGES)[number];
/** A sentence of the catalogue. `{name}` stands for a value. */
export type Sentence = keyof German & string;

type Names<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type Values<Name extends string> = [Name] extends [never] ? [] : [values: Readonly<Record<Name, string | number>>];
type Arguments<Text extends string, Known = never> = Values<Exclude<Names<Text>, Known>>;

const ENGLISH: Dictionary = { messages: {}, plurals: PLURALS };
const [dictionary, setDictionary] = createSignal(ENGLISH);
const [language, setLanguage] = createSignal<Language>("en");

/** The language that is shown. */
export { language };

/** The first language that the browser asks for and we have. */
export function preferred(languages: readonly string[]): Language {
  for (const tag of languages) {
    const base = tag.toLowerCase().split("-")[0];
    const known = LANGUAGES.find((language) => language === base);
    if (known !== undefined) return known;
  }
  return "en";
}

/** Shows another language; German is fetched when it is needed, and where it cannot be had all stays as it is. */
export async function speak(next: Language): Promise<void> {
  const loaded = next === "de" ? await import("./de/index.ts").then(({ german }) => german, () => undefined) : ENGLISH;
  if (loaded === undefined) return;
  setDictionary(loaded);
  setLanguage(next);
  document.documentElement.lang = next;
}

/** A sentence in the language that is shown. */
export function t<Text extends Sentence>(text: Text, ...values: Arguments<Text>): string {
  return fill(dictionary().messages[text] ?? text, values[0]);
}

/** A sentence that stands in a table, and has no values. */
export function say(text: Sentence): string {
  return dictionary().messages[text] ?? text;
}

/** A sentence about `count` things; its other values follow. */
export function tn<Text extends Plural>(text: Text, count: number, ...values: Arguments<Text, "count">): string {
  const forms = dictionary().plurals[text] ?? PLURALS[text];
  const form = new Intl.PluralRules(language()).select(count) === "one" ? forms.one : forms.other;
  return fill(form, { ...values[0], count: new Intl.NumberFormat(language()).format(count) });
}

/** Names in a row: "Ana, Jo and Sam". */
export function list(names: readonly string[]): string {
  return new Intl.ListFormat(language(), { type: "conjunction" }).format(names);
}

export function fill(text: string, values: Readonly<Record<string, string | number>> = {}): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
