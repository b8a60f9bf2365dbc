// What is offered while somebody writes an operator: its values by name, and the operators themselves.
import type { ServerId } from "confab-client";
import { now } from "../../app/clock.ts";
import { date } from "../../lang/dates.ts";
import { language, say, t, type Sentence } from "../../lang/index.ts";
import { rank } from "../shell/rank.ts";
import { dayBefore, readDay, writtenDay } from "./days.ts";
import { channelsIn, findPeople, peopleIn, remember, rolesIn, type Named } from "./names.ts";
import type { Part } from "./query.ts";
import { operatorsLike, operatorWord, valueWord, written, type Operator } from "./words.ts";

export interface Offer {
  /** What is put in place of what was written. */
  text: string;
  hint: string;
  /** What its name stands for, from now on. */
  choose?: () => void;
}

const MOST = 8;

/** What an operator is for. */
export const MEANINGS: Record<Operator, Sentence> = {
  from: "written by somebody",
  in: "in a channel",
  mentions: "that mentions somebody or a role",
  is: "that is pinned",
  has: "with a link",
  before: "before a day",
  after: "after a day",
};

/** What is known at once. */
export function offersFor(part: Part | undefined, scope: ServerId | 0): Offer[] {
  if (part === undefined) return [];
  if (part.kind === "word") return operators(part.text);
  const { operator, text } = part;
  const name = text.replace(/^[@#]/, "");
  switch (operator) {
    case "from":
      return named(operator, "person", peopleIn(scope), name);
    case "mentions":
      return [...named(operator, "person", peopleIn(scope), name), ...named(operator, "role", rolesIn(scope), name)].slice(0, MOST);
    case "in":
      return named(operator, "channel", channelsIn(scope), name);
    case "is":
      return [{ text: written("is", valueWord("pinned", language()), language()), hint: say(MEANINGS.is) }];
    case "has":
      return [{ text: written("has", valueWord("link", language()), language()), hint: say(MEANINGS.has) }];
    default:
      return days(operator, text);
  }
}

/** People who were not met yet, beside those who are known. */
export async function moreOffers(part: Part | undefined, scope: ServerId | 0, known: readonly Offer[]): Promise<Offer[]> {
  if (part?.kind !== "term" || (part.operator !== "from" && part.operator !== "mentions") || known.length >= MOST) return [...known];
  const { operator } = part;
  const found = named(operator, "person", await findPeople(scope, part.text.replace(/^@/, "")), "");
  return [...known, ...found.filter(({ text }) => !known.some((one) => one.text === text))].slice(0, MOST);
}

/** Of one letter it could be any word. */
function operators(text: string): Offer[] {
  if (text.length < 2) return [];
  return operatorsLike(text).map((operator) => ({ text: `${operatorWord(operator, language())}:`, hint: say(MEANINGS[operator]) }));
}

function named(operator: Operator, kind: "person" | "role" | "channel", all: Named<number>[], name: string): Offer[] {
  return rank(all, name, (one) => one.name)
    .slice(0, MOST)
    .map((one) => ({ text: written(operator, one.name, language()), hint: one.hint ?? "", choose: () => remember(kind, one) }));
}

function days(operator: Operator, text: string): Offer[] {
  const today = now();
  const offer = (day: number, hint: string) => ({ text: written(operator, writtenDay(day, language()), language()), hint });
  const read = text === "" ? undefined : readDay(text, today);
  if (read !== undefined) return [offer(read, date(read))];
  if (text !== "") return [];
  const ago: [number, string][] = [[0, t("today")], [1, t("yesterday")], [7, t("a week ago")], [30, t("a month ago")]];
  return ago.map(([days, hint]) => offer(dayBefore(today, days), hint));
}
