// The time as a signal, for what changes only because time passes: countdowns, who still types, dates. It is that of the
// cluster: the clock of a device may be wrong.
import { createSignal } from "solid-js";
import { client } from "./client.ts";

const now = () => client.now();
const [second, setSecond] = createSignal(now());
const [minute, setMinute] = createSignal(now());
setInterval(() => setSecond(now()), 1000);
setInterval(() => setMinute(now()), 60_000);
// With a session comes the cluster's time.
client.on("connection", () => {
  setSecond(now());
  setMinute(now());
});

/** Now; and by the second and the minute. */
export { now, second, minute };
