// The whole page: what is shown depends on who is here and on the address, and nothing else.
import { createEffect, createSignal, lazy, Match, onCleanup, onMount, Show, Switch, type JSX } from "solid-js";
import { state } from "../app/client.ts";
import { route } from "../app/route.ts";
import { Announcer } from "../kit/announce.tsx";
import { DialogHost } from "../kit/dialog.tsx";
import { MenuHost } from "../kit/menu.tsx";
import { ToastHost } from "../kit/toast.tsx";
import { Offer } from "./shell/offer.tsx";
import { Shell } from "./shell/shell.tsx";
import { Connection } from "./shell/connection.tsx";
import { Skeleton } from "./shell/skeleton.tsx";
import { closeLayer, dropLayer, layer } from "./panel.ts";
import { Guarded, Part } from "./part.tsx";
import { keepTitle } from "./shell/title.ts";

// Whoever comes back to a channel needs none of these.
const Enter = lazy(() => import("./enter/enter.tsx").then(({ Enter }) => ({ default: Enter })));
const Invited = lazy(() => import("./enter/invited.tsx").then(({ Invited }) => ({ default: Invited })));
const Welcome = lazy(() => import("./welcome/welcome.tsx").then(({ Welcome }) => ({ default: Welcome })));
// With all pages that it may show.
const Layer = lazy(() => Promise.all([import("./shell/layer.tsx"), import("./later.ts")]).then(([layer]) => layer));

export function App() {
  const stranger = () => state.connection.state === "signed_out";
  const invite = () => {
    const at = route();
    return at.at === "invite" ? at.code : undefined;
  };
  keepTitle();
  createEffect(() => stranger() && dropLayer());
  const nowhere = () => Object.keys(state.servers).length === 0;
  return (
    <>
      <Offer />
      <Switch fallback={<><Connection alone /><Late><Skeleton /></Late></>}>
        <Match when={stranger()}>
          <Guarded><Enter code={invite()} /></Guarded>
        </Match>
        <Match when={state.me !== null && invite()}>{(code) => <Guarded><Invited code={code()} /></Guarded>}</Match>
        <Match when={state.me !== null && nowhere() && state.epoch !== null}>
          <Guarded><Welcome /></Guarded>
        </Match>
        <Match when={state.me !== null}>
          <Shell />
        </Match>
      </Switch>
      <Show when={layer()}>{(open) => <Part onClose={closeLayer}><Layer {...open()} /></Part>}</Show>
      <DialogHost frame={Guarded} />
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
