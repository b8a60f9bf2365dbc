// The time as a signal, for what changes only because time passes: countdowns, who still types, dates.
import { createSignal } from "solid-js";

const [second, setSecond] = createSignal(Date.now());
const [minute, setMinute] = createSignal(Date.now());
setInterval(() => setSecond(Date.now()), 1000);
setInterval(() => setMinute(Date.now()), 60_000);

/** Now, by the second. */
export { second, minute };
