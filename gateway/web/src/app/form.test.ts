import { Refusal } from "confab-client";
import { createRoot } from "solid-js";
import { createStore } from "solid-js/store";
import { expect, it, vi } from "vitest";
import { useForm, type FormOptions } from "./form.ts";

let guarded: () => boolean = () => false;
vi.mock("../kit/unsaved.ts", () => ({ guardUnsaved: (holds: () => boolean) => void (guarded = holds) }));
vi.mock("./act.ts", () => ({ sentenceOf: (error: Error, seconds: number) => `${error instanceof Refusal ? error.reason : "internal"} ${seconds}` }));
vi.mock("./clock.ts", () => ({ second: () => Date.now(), now: () => Date.now() }));

interface Values {
  name: string;
  topic: string;
}

function form(options: Partial<FormOptions<Values>> = {}) {
  const [server, setServer] = createStore<Values>({ name: "old", topic: "books" });
  const save = vi.fn<FormOptions<Values>["save"]>(async () => undefined);
  const made = createRoot(() => useForm<Values>({ start: () => ({ ...server }), save, ...options }));
  return { form: made, save, setServer };
}

it("sends only what differs, and follows what others change", async () => {
  const { form: edited, save, setServer } = form();
  edited.set("name", "new");
  setServer("topic", "films");
  expect(edited.values()).toEqual({ name: "new", topic: "films" });
  expect([edited.changed(), guarded()]).toEqual([true, true]);
  expect(await edited.save()).toBe(true);
  expect(save).toHaveBeenCalledWith({ name: "new" }, { name: "new", topic: "films" });
  // The event is not there yet: what was saved shows all the same, and others may change it then.
  expect([edited.values().name, edited.changed()]).toEqual(["new", false]);
  setServer("name", "newer");
  expect(edited.values().name).toBe("newer");
});

it("holds nothing where a value is again what it was, or is reset", () => {
  const { form: edited } = form();
  edited.set("name", "new");
  edited.set("name", "old");
  expect(edited.changed()).toBe(false);
  edited.set("topic", "films");
  edited.reset();
  expect([edited.changed(), edited.values().topic]).toEqual([false, "books"]);
});

it("keeps what is typed while it is sent", async () => {
  let answer = () => {};
  const { form: edited } = form({ save: () => new Promise<void>((resolve) => (answer = resolve)) });
  edited.set("name", "new");
  const saved = edited.save();
  expect([edited.busy(), await edited.save()]).toEqual([true, false]);
  edited.set("name", "newer");
  answer();
  await saved;
  expect([edited.values().name, edited.changed()]).toEqual(["newer", true]);
});

it("says what is wrong before it asks, at its field", async () => {
  const { form: edited, save } = form({ check: ({ name }) => ({ name: name === "" ? "Enter a name." : undefined }) });
  edited.set("name", "");
  expect(await edited.save()).toBe(false);
  expect([edited.error("name"), edited.problem(), save.mock.calls.length]).toEqual(["Enter a name.", undefined, 0]);
  edited.set("name", "new");
  expect(edited.error("name")).toBeUndefined();
});

it("says a refusal at the field that it names, and any other for all, counting", async () => {
  const refusals = [new Refusal("invalid", "topic"), new Refusal("rate_limited", null, 60_000)];
  const { form: edited } = form({ save: () => Promise.reject(refusals.shift()), invalid: { topic: () => "Too long." } });
  edited.set("topic", "x");
  await edited.save();
  expect([edited.error("topic"), edited.problem()]).toEqual(["Too long.", undefined]);
  edited.set("topic", "y");
  await edited.save();
  expect([edited.error("topic"), edited.problem(), edited.wait()]).toEqual([undefined, "rate_limited 60", 60]);
  // Until then the server would refuse it again.
  expect(await edited.save()).toBe(false);
});

it("forgets what it sent, for passwords", async () => {
  const { form: edited } = form({ once: true });
  edited.set("name", "secret");
  await edited.save();
  expect([edited.values().name, edited.changed()]).toEqual(["old", false]);
});

it("asks nobody who leaves where nothing would be lost", () => {
  const { form: edited } = form({ unguarded: true });
  edited.set("name", "new");
  expect([edited.changed(), edited.unsaved(), guarded()]).toEqual([true, false, false]);
});

it("has words for a refusal by what it is about, and for a value by the others", async () => {
  const refusals = [new Refusal("limit_reached", "topic"), new Refusal("limit_reached"), new Refusal("invalid", "topic")];
  const { form: edited } = form({
    save: () => Promise.reject(refusals.shift()),
    words: { limit_reached: ({ detail }) => (detail === "topic" ? "Too many topics." : undefined) },
    invalid: { topic: ({ name }) => `Not for ${name}.` },
  });
  const said = async () => {
    await edited.save();
    return [edited.error("topic"), edited.problem()];
  };
  expect(await said()).toEqual(["Too many topics.", undefined]);
  expect(await said()).toEqual([undefined, "limit_reached 0"]);
  expect(await said()).toEqual(["Not for old.", undefined]);
});
