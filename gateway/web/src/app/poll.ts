// What is asked for again and again while somebody looks at it: one request at a time, and none while the
// tab is hidden.
import { Refusal } from "confab-client";

/** Where it is looked at: the document. */
export interface Watched {
  readonly hidden: boolean;
  addEventListener: (type: "visibilitychange", hear: () => void) => void;
  removeEventListener: (type: "visibilitychange", hear: () => void) => void;
}

/** Asks now, and then every so many milliseconds behind each answer; later where a refusal says so. What it returns ends that. */
export function poll<Answer>(
  ask: () => Promise<Answer>,
  every: number,
  told: { answer: (answer: Answer) => void; refusal: (error: unknown) => void },
  watched: Watched = document,
): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let [asking, due, ended] = [false, 0, false];
  const wait = () => {
    clearTimeout(timer);
    if (ended || asking || watched.hidden) return;
    const left = due - Date.now();
    if (left > 0) timer = setTimeout(wait, left);
    else void look();
  };
  const look = async () => {
    asking = true;
    let pause = every;
    try {
      const answer = await ask();
      if (!ended) told.answer(answer);
    } catch (error) {
      if (error instanceof Refusal) pause = Math.max(every, error.retryAfter ?? 0);
      if (!ended) told.refusal(error);
    }
    asking = false;
    due = Date.now() + pause;
    wait();
  };
  watched.addEventListener("visibilitychange", wait);
  wait();
  return () => {
    ended = true;
    clearTimeout(timer);
    watched.removeEventListener("visibilitychange", wait);
  };
}
