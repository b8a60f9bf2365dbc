// Who is in no server: name one, or come into one by its invite.
import { createSignal, Show } from "solid-js";
import { client, state } from "../../app/client.ts";
import { Button } from "../../kit/button.tsx";
import { t } from "../../lang/index.ts";
import { JoinForm, MakeForm } from "./forms.tsx";
import { EnterFrame } from "../enter/frame.tsx";

export function Welcome() {
  const [joining, setJoining] = createSignal(false);
  return (
    <EnterFrame
      about={
        <>
          <h2 class="title">{t("You are signed in as {name}.", { name: state.me?.name ?? "" })}</h2>
          <p>{t("A server is a place with channels for one group of people. You are in none yet.")}</p>
        </>
      }
    >
      <Show
        when={joining()}
        fallback={
          <>
            <h1>{t("Name a server")}</h1>
            <MakeForm />
            <div class="enter-other">
              <Button kind="quiet" onClick={() => setJoining(true)}>{t("I have an invite")}</Button>
              <Button kind="quiet" onClick={() => void client.signOut()}>{t("Sign out")}</Button>
            </div>
          </>
        }
      >
        <h1>{t("Join by invite")}</h1>
        <JoinForm />
        <div class="enter-other">
          <Button kind="quiet" onClick={() => setJoining(false)}>{t("Name a server")}</Button>
        </div>
      </Show>
    </EnterFrame>
  );
}
