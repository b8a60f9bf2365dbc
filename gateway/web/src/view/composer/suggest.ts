// Suggestions for what is being asked for before the caret, and who was chosen from them.
import type { ChannelState } from "confab-client";
import { createEffect, createSignal, on } from "solid-js";
import { useOptions, type OptionList } from "../../kit/options.tsx";
import { askedAt, put, type Asked, type Suggestion } from "./asked.ts";
import { suggestMore, suggestNow } from "./complete.ts";

export interface Suggesting {
  list: OptionList<Suggestion>;
  /** The caret is somewhere else, or the text is another one. */
  look: (area: HTMLTextAreaElement) => void;
  close: () => void;
  /** Who was chosen for this text: the same name may be that of several. */
  taken: () => readonly Suggestion[];
  forget: () => void;
}

export function useSuggestions(channel: () => ChannelState, area: () => HTMLTextAreaElement, write: (text: string) => void): Suggesting {
  const [asked, setAsked] = createSignal<Asked>();
  const [found, setFound] = createSignal<readonly Suggestion[]>([]);
  let taken: Suggestion[] = [];
  /** For this nothing more is suggested: the key that ended the list is told as a move of the caret, too. */
  let ended: Asked | undefined;
  const end = () => {
    ended = asked();
    close();
  };
  const close = () => void setAsked(undefined);
  const take = (suggestion: Suggestion) => {
    const now = asked();
    if (now === undefined) return;
    taken = [suggestion, ...taken];
    const next = put(area().value, area().selectionStart, now, suggestion);
    write(next.text);
    area().setSelectionRange(next.caret, next.caret);
    close();
  };
  /** Who wrote the whole name wants to send it. */
  const isWritten = ({ text }: Suggestion) => {
    const now = asked();
    return now !== undefined && text === now.sign + now.text;
  };
  const over = { anchor: () => area().form ?? area(), side: "above" as const, close: end };
  const list = useOptions<Suggestion>({ all: found, take, isWritten, over });
  // What is shown always belongs to what is asked for now, or Enter would take something else.
  const find = async (now: Asked | undefined) => {
    const known = now === undefined ? [] : suggestNow(now, channel());
    setFound(known);
    list.choose(0);
    if (now === undefined) return;
    const all = await suggestMore(now, channel(), known);
    if (asked() === now) setFound(all);
  };
  createEffect(on(asked, (now) => void find(now)));
  return {
    list,
    look: ({ value, selectionStart }) => {
      const now = askedAt(value, selectionStart);
      if (!isSame(now, ended)) ended = undefined;
      setAsked((before) => (ended !== undefined ? undefined : isSame(before, now) ? before : now));
    },
    close,
    taken: () => taken,
    forget: () => {
      taken = [];
      close();
    },
  };
}

const isSame = (one: Asked | undefined, other: Asked | undefined) => one?.from === other?.from && one?.text === other?.text;
