import type { ServerId } from "confab-client";
import { Icon } from "../../kit/icon.tsx";
import { lockdownOf, lockdownText } from "./lockdown.ts";
import { Show } from "solid-js";
import "./bar.css";

/** Under the header of a channel, while its server is locked down. */
export default function LockdownBar(props: { server: ServerId }) {
  return (
    <Show when={lockdownOf(props.server)}>
      {(lockdown) => (
        <p class="lockdown-bar" role="status">
          <Icon name="lock" />
          {lockdownText(props.server, lockdown())}
        </p>
      )}
    </Show>
  );
}
