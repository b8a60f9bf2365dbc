// How the last export of the account stands: no event tells, so that it is asked for until it is finished.
import { Refusal, type Export } from "confab-client";
import { createEffect, createMemo, createSignal, onCleanup, type Accessor } from "solid-js";
import { sentenceOf } from "../../app/act.ts";
import { client } from "../../app/client.ts";
import { poll, type Watched } from "../../app/poll.ts";

/** How often to ask. */
const LOOK = 2_000;

export interface LastExport {
  /** Null where there is none. */
  last: Accessor<Export | null | undefined>;
  /** Why it could not be asked for, or made. */
  error: Accessor<string | undefined>;
  take: (found: Export | null) => void;
  fail: (text: string) => void;
}

export function followLastExport(watched?: Watched): LastExport {
  const [last, setLast] = createSignal<Export | null>();
  const [error, fail] = createSignal<string>();
  const take = (found: Export | null) => {
    fail(undefined);
    setLast(found);
  };
  const isOpen = createMemo(() => last() === undefined || last()?.finished_at === null);
  createEffect(() => {
    if (isOpen()) onCleanup(poll(ask, LOOK, { answer: take, refusal: (refusal) => fail(sentenceOf(refusal)) }, watched));
  });
  return { last, error, take, fail };
}

async function ask(): Promise<Export | null> {
  try {
    return (await client.call("account_export_get", 0, { part: null })).export;
  } catch (refusal) {
    if (refusal instanceof Refusal && refusal.reason === "unknown_item") return null;
    throw refusal;
  }
}
