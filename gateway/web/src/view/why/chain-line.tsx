// A step of a decision: what it says, what follows of it, and a way to where that is changed.
import { Show, type JSX } from "solid-js";
import { Button } from "../../kit/button.tsx";
import { t } from "../../lang/index.ts";

export interface ChainLineProps {
  says: JSX.Element;
  /** What follows, in a word, and whether it is what the reader may hope for. */
  follows: string;
  favours: boolean;
  decides: boolean;
  /** Opens where it is changed; nothing where it is no setting, or not the reader's. */
  lead: (() => void) | undefined;
  /** Closes what it is shown in. */
  close: () => void;
  children?: JSX.Element;
}

export function ChainLine(props: ChainLineProps) {
  return (
    <li class="why-step" classList={{ decides: props.decides }}>
      <p>
        <span>{props.says}</span>
        <span class={props.favours ? "why-allows" : "why-denies"}>{props.follows}</span>
      </p>
      {props.children}
      <Show when={props.lead}>
        {(go) => (
          <Button
            kind="quiet"
            onClick={() => {
              props.close();
              go()();
            }}
          >
            {t("Change")}
          </Button>
        )}
      </Show>
    </li>
  );
}
