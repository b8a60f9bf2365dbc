import { typistsIn, type ChannelId } from "confab-client";
import { createEffect, Show } from "solid-js";
import { client, state } from "../../app/client.ts";
import { second } from "../../app/clock.ts";
import { list, t } from "../../lang/index.ts";
import { shownName } from "../people/names.ts";

/** More than this type too much to be named. */
const NAMED = 3;
const MOST = 5;

/** Who else writes now. The line is always there, so that nothing moves when somebody begins. */
export function Typing(props: { channel: ChannelId }) {
  const typists = () => typistsIn(state, props.channel, second());
  createEffect(() => client.meet(typists()));
  return (
    <p class="typing meta cut">
      <Show when={typists().length > 0 && typists().length <= MOST}>{sentence(typists().map((user) => shownName(user, state.channels[props.channel]?.server_id)))}</Show>
    </p>
  );
}

function sentence(names: readonly string[]): string {
  if (names.length === 1) return t("{name} is typing", { name: names[0] ?? "" });
  const rest = names.length - NAMED;
  return t("{names} are typing", { names: list(rest > 0 ? [...names.slice(0, NAMED), `+${rest}`] : names) });
}
