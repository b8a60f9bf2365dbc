import { Show } from "solid-js";
import type { PresenceState } from "confab-client";
import { t } from "../../lang/index.ts";
import { pictureAt } from "./picture.ts";

const HUES = 12;

export interface AvatarProps {
  /** Decides the colour. */
  id: number;
  name: string;
  /** An address that somebody named; it is shown where `pictureAt` finds one of this deployment. */
  picture?: string | undefined;
  size: 20 | 28 | 32 | 40 | 44 | 48;
  square?: boolean;
  presence?: PresenceState | undefined;
}

/** A picture, or the initials on one of twelve hues. It says nothing: the name stands beside it. */
export function Avatar(props: AvatarProps) {
  const own = () => (props.picture === undefined ? undefined : pictureAt(props.picture));
  return (
    <span class={`avatar size-${props.size} hue-${hueOf(props.id)}`} classList={{ square: props.square === true }}>
      <Show when={own()} fallback={<span class="initials" data-initials={initials(props.name)} />}>
        {(address) => <img src={address()} alt="" loading="lazy" />}
      </Show>
      <Show when={props.presence}>{(presence) => <Presence state={presence()} />}</Show>
    </span>
  );
}

/** By when the id was made: its lower bits are alike. */
const hueOf = (id: number) => Math.floor(id / 4096) % HUES;

/** A dot whose shape says as much as its colour. */
function Presence(props: { state: PresenceState }) {
  const names = (): Record<PresenceState, string> => ({
    online: t("Online"),
    idle: t("Away"),
    dnd: t("Do not disturb"),
    offline: t("Offline"),
  });
  return <span class={`presence ${props.state}`} role="img" aria-label={names()[props.state]} />;
}

/** Up to two letters: of the first and the last word. */
export function initials(name: string): string {
  const words = name.trim().split(/[\s_.-]+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => [...(word ?? "?")][0] ?? "").join("").toLocaleUpperCase();
}
