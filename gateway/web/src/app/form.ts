// What is typed into a page of settings until it is saved: only what differs from what the server says is kept
// and sent, so that what others change meanwhile shows, and is not written over.
import { Refusal } from "confab-client";
import { createEffect, createMemo, createSignal, on } from "solid-js";
import { createStore, produce, reconcile } from "solid-js/store";
import { guardUnsaved } from "../kit/unsaved.ts";
import { sentenceOf } from "./act.ts";
import { now as time, second } from "./clock.ts";

export interface FormOptions<Values extends object> {
  /** What the server says now: read from the state, so that untouched fields follow it. */
  start: () => Values;
  /** Asks the server for it: `changed` has only what differs. What it throws is told at its field, or in the bar. */
  save: (changed: Partial<Values>, values: Values) => Promise<unknown>;
  /** What is wrong with a value, before the server is asked. */
  check?: (values: Values) => { [Name in keyof Values]?: string | undefined };
  /** Which field a refusal is about; else the one that its detail names. */
  fieldOf?: (refusal: Refusal) => string | undefined;
  /** What was sent is forgotten, and the fields are as at the start: for passwords. */
  once?: boolean;
  /** Nothing is lost with what is chosen here: who leaves is not asked. */
  unguarded?: boolean;
  /** Better sentences for some refusals than those that are right everywhere. */
  words?: { [Reason in Refusal["reason"]]?: (refusal: Refusal) => string | undefined };
  /** A better sentence for a value of this field that the server refuses as invalid. */
  invalid?: { [Name in keyof Values]?: (values: Values) => string };
}

export interface Form<Values extends object> {
  values: () => Values;
  set: <Name extends keyof Values>(name: Name, value: Values[Name]) => void;
  changed: () => boolean;
  /** Whether something would be lost if the reader left. */
  unsaved: () => boolean;
  reset: () => void;
  save: () => Promise<boolean>;
  busy: () => boolean;
  /** What is wrong with a field. */
  error: (name: keyof Values) => string | undefined;
  /** What is wrong with no field in particular; it counts down. */
  problem: () => string | undefined;
  /** For so many seconds the server would refuse it again. */
  wait: () => number;
  /** For the `form` element: `<form {...form.root}>`. */
  root: { ref: (element: HTMLFormElement) => void; onSubmit: (event: SubmitEvent) => void; novalidate: true };
  /** For `Field` and `Area`: `<Field label=… {...form.text("name")} />`. */
  text: <Name extends keyof Values>(name: Name) => {
    name: string;
    value: string;
    error: string | undefined;
    onInput: (event: { currentTarget: { value: string } }) => void;
  };
  /** For `Switch`. */
  toggle: (name: keyof Values) => { checked: boolean; onChange: (on: boolean) => void };
  /** For `Select`, `Segmented`, `Choice` and `ColourField`. */
  pick: <Name extends keyof Values>(name: Name) => { value: Values[Name]; onChange: (value: Values[Name]) => void };
}

export const same = (one: unknown, other: unknown): boolean => Object.is(one, other) || JSON.stringify(one) === JSON.stringify(other);

/** A form of these values. Another subject is another form: draw it under `<Show keyed>`. */
export function useForm<Values extends object>(options: FormOptions<Values>): Form<Values> {
  const edits = useEdits(options);
  const faults = useFaults(options, edits.values);
  const [busy, setBusy] = createSignal(false);
  let element: HTMLFormElement | undefined;
  const unsaved = () => options.unguarded !== true && edits.changed();
  guardUnsaved(unsaved);
  const stop = () => {
    element?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
    return false;
  };
  const save = async (): Promise<boolean> => {
    if (busy() || faults.wait() > 0) return false;
    if (!faults.check()) return stop();
    const sent = edits.differing();
    setBusy(true);
    try {
      await options.save(sent, edits.values());
      edits.settle(sent);
      return true;
    } catch (error) {
      faults.fail(error);
      return stop();
    } finally {
      setBusy(false);
    }
  };
  const set: Form<Values>["set"] = (name, value) => {
    if (faults.at(name) !== undefined) faults.forgive();
    edits.set(name, value);
  };
  const reset = () => {
    faults.forgive();
    edits.drop();
  };
  const { values, changed } = edits;
  const { at: error, problem, wait } = faults;
  const root: Form<Values>["root"] = {
    ref: (found) => (element = found),
    onSubmit: (event) => {
      event.preventDefault();
      void save();
    },
    novalidate: true,
  };
  return { values, set, changed, unsaved, reset, save, busy, error, problem, wait, root, ...controlsOf(values, set, error) };
}

/** What was typed, over what the server says. */
function useEdits<Values extends object>(options: FormOptions<Values>) {
  type Name = keyof Values;
  const [edits, setEdits] = createStore<{ of: Partial<Values> }>({ of: {} });
  // What was saved, until the event about it comes: else the field would show the old value in between.
  const [saved, setSaved] = createSignal<Partial<Values>>({});
  const base = createMemo((): Values => ({ ...options.start(), ...saved() }));
  const values = createMemo((): Values => ({ ...base(), ...edits.of }));
  const differing = createMemo((): Partial<Values> => {
    const names = (Object.keys(edits.of) as Name[]).filter((name) => !same(edits.of[name], base()[name]));
    return Object.fromEntries(names.map((name) => [name, edits.of[name]])) as Partial<Values>;
  });
  createEffect(
    on(options.start, (now, before) => {
      if (before === undefined) return;
      setSaved((kept) => Object.fromEntries(Object.entries(kept).filter(([name]) => same(now[name as Name], before[name as Name]))) as Partial<Values>);
    }),
  );
  return {
    values,
    differing,
    changed: () => Object.keys(differing()).length > 0,
    set: <At extends Name>(name: At, value: Values[At]) => setEdits("of", produce((of) => void ((of as Partial<Values>)[name] = value))),
    drop: () => setEdits("of", reconcile({} as Partial<Values>)),
    /** These were saved. What was typed while they were on their way stays. */
    settle: (sent: Partial<Values>) => {
      if (!options.once) setSaved((before) => ({ ...before, ...sent }));
      setEdits("of", produce((of) => dropSame(of, sent)));
    },
  };
}

/** What is wrong, with a field or with none in particular. */
function useFaults<Values extends object>(options: FormOptions<Values>, values: () => Values) {
  type Name = keyof Values;
  const [failure, setFailure] = createSignal<{ at?: Name | undefined; error: unknown; until: number }>();
  const [wrong, setWrong] = createSignal<{ [At in Name]?: string | undefined }>({});
  const wait = () => Math.max(0, Math.ceil(((failure()?.until ?? 0) - second()) / 1000));
  const sentence = (error: unknown): string => {
    const own = error instanceof Refusal ? options.words?.[error.reason]?.(error) : undefined;
    return own ?? sentenceOf(error, wait());
  };
  const forgive = () => {
    setFailure(undefined);
    setWrong({});
  };
  return {
    wait,
    forgive,
    at: (name: Name): string | undefined => {
      const failed = failure();
      if (failed?.at !== name) return wrong()[name];
      const unfit = failed.error instanceof Refusal && failed.error.reason === "invalid" ? options.invalid?.[name]?.(values()) : undefined;
      return unfit ?? sentence(failed.error);
    },
    problem: () => {
      const failed = failure();
      return failed === undefined || failed.at !== undefined ? undefined : sentence(failed.error);
    },
    /** Whether nothing is wrong, as far as the page can say. */
    check: () => {
      forgive();
      setWrong(() => options.check?.(values()) ?? {});
      return Object.values(wrong()).every((text) => text === undefined);
    },
    fail: (error: unknown) => {
      const refusal = error instanceof Refusal ? error : undefined;
      const named = refusal && (options.fieldOf?.(refusal) ?? refusal.detail);
      const at = named && named in values() ? (named as Name) : undefined;
      setFailure({ at, error, until: time() + (refusal?.retryAfter ?? 0) });
    },
  };
}

/** What fields are spread with. */
function controlsOf<Values extends object>(values: () => Values, set: Form<Values>["set"], error: Form<Values>["error"]): Pick<Form<Values>, "text" | "toggle" | "pick"> {
  return {
    text: (name) => ({
      name: String(name),
      value: String(values()[name] ?? ""),
      error: error(name),
      onInput: (event) => set(name, event.currentTarget.value as Values[typeof name]),
    }),
    toggle: (name) => ({ checked: values()[name] === true, onChange: (on) => set(name, on as Values[typeof name]) }),
    pick: (name) => ({ value: values()[name], onChange: (value) => set(name, value) }),
  };
}

function dropSame(edits: object, sent: object): void {
  const kept = edits as Record<string, unknown>;
  for (const [name, value] of Object.entries(sent)) if (same(kept[name], value)) delete kept[name];
}
