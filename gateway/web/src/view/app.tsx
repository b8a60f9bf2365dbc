// The whole page: what is shown depends on who is here and on the address, and nothing else.
import { createSignal, lazy, Match, onCleanup, onMount, Show, Switch, type JSX } from "solid-js";
import { state } from "../app/client.ts";
import { route } from "../app/route.ts";
import { Announcer } from "../kit/announce.tsx";
import { DialogHost } from "../kit/dialog.tsx";
import { MenuHost } from "../kit/menu.tsx";
import { ToastHost } from "../kit/toast.tsx";
import { Enter } from "./enter/enter.tsx";
import { Invited } from "./enter/invited.tsx";
import { Shell } from "./shell/shell.tsx";
import { Skeleton } from "./shell/skeleton.tsx";
import { Welcome } from "./welcome/welcome.tsx";
import { layer } from "./panel.ts";

const Layer = lazy(() => import("./shell/layer.tsx"));

export function App() {
  const stranger = () => state.connection.state === "signed_out";
  const invite = () => {
    const at = route();
    return at.at === "invite" ? at.code : undefined;
  };
  const nowhere = () => Object.keys(state.servers).length === 0;
  return (
    <>
      <Switch fallback={<Late><Skeleton /></Late>}>
        <Match when={stranger()}>
          <Enter code={invite()} />
        </Match>
        <Match when={state.me !== null && invite()}>{(code) => <Invited code={code()} />}</Match>
        <Match when={state.me !== null && nowhere() && state.epoch !== null}>
          <Welcome />
        </Match>
        <Match when={state.me !== null}>
          <Shell />
        </Match>
      </Switch>
      <Show when={!stranger() && layer()} keyed>
        {(open) => <Layer {...open} />}
      </Show>
      <DialogHost />
      <MenuHost />
      <ToastHost />
      <Announcer />
    </>
  );
}

/** Nothing for 300 ms: what comes at once needs no stand-in. */
function Late(props: { children: JSX.Element }) {
  const [late, setLate] = createSignal(false);
  onMount(() => {
    const timer = setTimeout(() => setLate(true), 300);
    onCleanup(() => clearTimeout(timer));
  });
  return <Show when={late()}>{props.children}</Show>;
}
