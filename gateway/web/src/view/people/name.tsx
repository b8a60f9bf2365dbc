// What somebody is called, in the colour of the highest role that has one.
import type { ServerId, UserId } from "confab-client";
import type { JSX } from "solid-js";
import { nameColour, shownName } from "./names.ts";

export interface NameProps {
  user: UserId;
  server: ServerId | undefined;
  class?: string;
}

/** A name in a colour that every theme keeps readable. */
export function Coloured(props: { colour: string | undefined; class?: string | undefined; children: JSX.Element }) {
  return (
    <span class={`author ${props.class ?? ""}`} classList={{ coloured: props.colour !== undefined }} style={{ "--role": props.colour }}>
      {props.children}
    </span>
  );
}

export function Name(props: NameProps) {
  const colour = () => (props.server === undefined ? undefined : nameColour(props.user, props.server));
  return <Coloured colour={colour()} class={props.class}>{shownName(props.user, props.server)}</Coloured>;
}
