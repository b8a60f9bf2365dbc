import type { ServerId, UserId } from "confab-client";
import { nameColour, shownName } from "./names.ts";
import { openMember } from "./card.ts";
import "./person-name.css";

/** What somebody is called, as a button that shows who it is. */
export function PersonName(props: { user: UserId; server: ServerId | undefined }) {
  const colour = () => (props.server === undefined ? undefined : nameColour(props.user, props.server));
  return (
    <button
      type="button"
      class="person-name author"
      classList={{ coloured: colour() !== undefined }}
      style={{ "--role": colour() }}
      onClick={(event) => openMember(props.user, props.server, event.currentTarget)}
    >
      {shownName(props.user, props.server)}
    </button>
  );
}
