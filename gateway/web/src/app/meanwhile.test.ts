import { expect, it } from "vitest";
import { Meanwhile } from "./meanwhile.ts";

const add = (one: number) => (list: number[]) => void list.push(one);

it("does again behind a reply what happened since it was asked for, and nothing else", async () => {
  const meanwhile = new Meanwhile<number[]>();
  let answer = (_reply: number[]) => {};
  meanwhile.note(add(1));
  const asked = meanwhile.during(new Promise<number[]>((resolve) => (answer = resolve)));
  meanwhile.note(add(2));
  meanwhile.note(add(3));
  answer([0]);
  const { reply, again } = await asked;
  meanwhile.note(add(4));
  again(reply);
  expect(reply).toEqual([0, 2, 3]);
});

it("keeps nothing for a reply that does not come", async () => {
  const meanwhile = new Meanwhile<number[]>();
  await expect(meanwhile.during(Promise.reject(new Error("refused")))).rejects.toThrow("refused");
  let again = 0;
  meanwhile.note(() => (again += 1));
  (await meanwhile.during(Promise.resolve([]))).again([]);
  expect(again).toBe(0);
});
