import { openMember } from "./card.ts";
import { Name, type NameProps } from "./name.tsx";

/** A name as a button that shows who it is. */
export function PersonName(props: NameProps) {
  return (
    <button type="button" class={`person-name ${props.class ?? ""}`} onClick={(event) => openMember(props.user, props.server, event.currentTarget)}>
      <Name user={props.user} server={props.server} />
    </button>
  );
}
