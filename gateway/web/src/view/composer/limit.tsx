// The line below what is written: how much is left, or how long to wait. It counts for the eye; who listens is told once.
import { LIMITS } from "confab-client";
import { createEffect, on, Show } from "solid-js";
import { announce } from "../../kit/announce.tsx";
import { t, tn } from "../../lang/index.ts";
import { wait } from "../../lang/spans.ts";

/** How many are left when it is said. */
const NEAR = 200;

export const LIMIT = "composer-limit";

export const charactersLeft = (text: string): number => LIMITS.MAX_MESSAGE_CHARS - [...text].length;

export function Limit(props: { id?: string; left: number; wait?: number }) {
  const over = () => (props.left < 0 ? tn("{count} characters too long", -props.left) : tn("{count} characters left", props.left));
  createEffect(on(() => props.left < 0, (isOver) => isOver && announce(over()), { defer: true }));
  return (
    <Show
      when={props.left < NEAR}
      fallback={
        <Show when={props.wait}>
          {(seconds) => <p id={props.id} class="limit meta">{t("You can send again in {time}.", { time: wait(seconds()) })}</p>}
        </Show>
      }
    >
      <p id={props.id} class="limit meta" classList={{ error: props.left < 0 }}>{over()}</p>
    </Show>
  );
}
