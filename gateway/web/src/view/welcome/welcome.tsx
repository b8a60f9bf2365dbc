// Who is in no server: name one, come into one by its invite, or find one.
import { createSignal, Match, Switch } from "solid-js";
import { client, state } from "../../app/client.ts";
import { Button } from "../../kit/button.tsx";
import { t } from "../../lang/index.ts";
import { Discover, JoinForm, MakeForm } from "./forms.tsx";
import { EnterFrame } from "../enter/frame.tsx";
import { Part } from "../part.tsx";

export function Welcome() {
  const [way, setWay] = createSignal<"make" | "join" | "find">("make");
  const back = () => (
    <div class="enter-other">
      <Button kind="quiet" onClick={() => setWay("make")}>{t("Name a server")}</Button>
    </div>
  );
  return (
    <EnterFrame
      about={
        <>
          <h2 class="title">{t("You are signed in as {name}.", { name: state.me?.name ?? "" })}</h2>
          <p>{t("A server is a place with channels for one group of people. You are in none yet.")}</p>
        </>
      }
    >
      <Switch>
        <Match when={way() === "make"}>
          <h1>{t("Name a server")}</h1>
          <MakeForm />
          <div class="enter-other">
            <Button kind="quiet" onClick={() => setWay("join")}>{t("I have an invite")}</Button>
            <Button kind="quiet" onClick={() => setWay("find")}>{t("Find one")}</Button>
            <Button kind="quiet" onClick={() => void client.signOut()}>{t("Sign out")}</Button>
          </div>
        </Match>
        <Match when={way() === "join"}>
          <h1>{t("Join by invite")}</h1>
          <JoinForm />
          {back()}
        </Match>
        <Match when={way() === "find"}>
          <h1>{t("Find a server")}</h1>
          <Part>
            <Discover />
          </Part>
          {back()}
        </Match>
      </Switch>
    </EnterFrame>
  );
}
