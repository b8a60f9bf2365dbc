// How the operators of a search are written, in each language. All of them are always understood: a query may be of before
// the language was changed, or of somebody who reads another one. What is shown is in the language that is shown.
import { LANGUAGES, type Language } from "../../lang/index.ts";

export const OPERATORS = ["from", "in", "mentions", "is", "has", "before", "after"] as const;
export type Operator = (typeof OPERATORS)[number];

const OPERATOR_WORDS: Record<Language, Record<Operator, string>> = {
  en: { from: "from", in: "in", mentions: "mentions", is: "is", has: "has", before: "before", after: "after" },
  de: { from: "von", in: "in", mentions: "erwähnt", is: "ist", has: "hat", before: "vor", after: "nach" },
};

/** Values that are words of the search itself: oneself, what is pinned, what has a link. */
export type Value = "me" | "pinned" | "link";
const VALUE_WORDS: Record<Language, Record<Value, string>> = {
  en: { me: "me", pinned: "pinned", link: "link" },
  de: { me: "ich", pinned: "angeheftet", link: "link" },
};

export const operatorWord = (operator: Operator, language: Language) => OPERATOR_WORDS[language][operator];
export const valueWord = (value: Value, language: Language) => VALUE_WORDS[language][value];

/** Each way of writing an operator. */
export const OPERATOR_BY_WORD: ReadonlyMap<string, Operator> = new Map(
  LANGUAGES.flatMap((language) => OPERATORS.map((operator): [string, Operator] => [operatorWord(operator, language), operator])),
);

export function isValue(value: Value, text: string): boolean {
  const said = text.trim().toLowerCase();
  return LANGUAGES.some((language) => valueWord(value, language) === said);
}

/** Operators that some language begins so. */
export function operatorsLike(text: string): Operator[] {
  const sought = text.toLowerCase();
  return OPERATORS.filter((operator) => LANGUAGES.some((language) => operatorWord(operator, language).startsWith(sought)));
}

/** An operator with its value, as one writes it. */
export function written(operator: Operator, value: string, language: Language): string {
  return `${operatorWord(operator, language)}:${/[\s"]/.test(value) ? `"${value.replaceAll('"', "")}"` : value}`;
}
