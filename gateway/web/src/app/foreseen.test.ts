import type { ServerId } from "confab-client";
import { beforeEach, expect, it, vi } from "vitest";
import { foresee, type Foreseen } from "./foreseen.ts";

let tell: (told: { event: { name: string }; topic: number }) => void = () => undefined;
vi.mock("./client.ts", () => ({ client: { on: (_: string, run: typeof tell) => void (tell = run) } }));
vi.mock("./act.ts", () => ({ act: (work: Promise<unknown>) => work.then(() => true, () => false) }));

const here = 7 as ServerId;
let is = "";
let foreseen: Foreseen<string>;
beforeEach(() => {
  is = "old";
  foreseen = foresee<string>("roles_reordered", (_, value) => value === is);
});

const answered = async () => {
  let answer = () => {};
  let refuse = () => {};
  const work = new Promise<void>((resolve, reject) => ([answer, refuse] = [resolve, () => reject(new Error("refused"))]));
  return { work, answer, refuse };
};
const event = (topic: number, name = "roles_reordered") => tell({ event: { name }, topic });

it("shows a value until it was answered and told, in its server only", async () => {
  const { work, answer } = await answered();
  const done = foreseen.ask(here, "new", work);
  expect([foreseen.of(here), foreseen.of(8 as ServerId)]).toEqual(["new", undefined]);
  answer();
  expect(await done).toBe(true);
  expect(foreseen.of(here)).toBe("new");
  event(8);
  event(here, "role_created");
  expect(foreseen.of(here)).toBe("new");
  event(here);
  expect(foreseen.of(here)).toBeUndefined();
});

it("is over with the answer where it is so already", async () => {
  const { work, answer } = await answered();
  const done = foreseen.ask(here, "new", work);
  is = "new";
  answer();
  await done;
  expect(foreseen.of(here)).toBeUndefined();
});

it("is over with a refusal", async () => {
  const { work, refuse } = await answered();
  const done = foreseen.ask(here, "new", work);
  refuse();
  expect(await done).toBe(false);
  expect(foreseen.of(here)).toBeUndefined();
});

it("shows the last of several until each was answered and told", async () => {
  const [first, second] = [await answered(), await answered()];
  const done = [foreseen.ask(here, "one", first.work), foreseen.ask(here, "two", second.work)];
  first.answer();
  await done[0];
  event(here);
  expect(foreseen.of(here)).toBe("two");
  second.answer();
  await done[1];
  expect(foreseen.of(here)).toBe("two");
  event(here);
  expect(foreseen.of(here)).toBeUndefined();
});
