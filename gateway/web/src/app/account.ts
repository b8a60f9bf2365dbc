// Who uses the page. What stores hold in memory is one account's, and goes with it.
import type { UserId } from "confab-client";
import { batch, createEffect, createMemo, createRoot, on } from "solid-js";
import { client, state } from "./client.ts";
import { forgetKept } from "./kept.ts";
import { go } from "./route.ts";

/** The account; nothing where nobody is signed in. */
export const account = createRoot(() => createMemo((): UserId | undefined => state.me?.user_id));

const forgetters = new Set<() => void>();

/** A store says here how it forgets what an account saw: it is done when the account signs out, or another one comes. */
export function forgetWithAccount(forget: () => void): void {
  forgetters.add(forget);
}

let last: UserId | undefined;

createRoot(() =>
  createEffect(
    on(account, (now, before) => {
      last = now ?? last;
      if (before !== undefined) batch(() => forgetters.forEach((forget) => forget()));
    }),
  ),
);

// What was sent and read is taken off the device by the client.
client.on("connection", (connection) => {
  if (connection.state !== "signed_out") return;
  if (last !== undefined) forgetKept(last);
  // Who signs out is done with the place; who is signed out comes back to it.
  if (connection.because === "signed_out") go("/", true);
});
