// The ways into a server, on the first page and in a dialog.
import { LIMITS } from "confab-client";
import { createSignal, lazy, Match, Switch } from "solid-js";
import { sentenceOf } from "../../app/act.ts";
import { client } from "../../app/client.ts";
import { openServer } from "../../app/place.ts";
import { go } from "../../app/route.ts";
import { Button } from "../../kit/button.tsx";
import { Dialog, openDialog } from "../../kit/dialog.tsx";
import { Field } from "../../kit/field.tsx";
import { Tabs } from "../../kit/tabs.tsx";
import { t } from "../../lang/index.ts";
import { Part } from "../part.tsx";

/** Those that everyone may find; few look for them. */
export const Discover = lazy(() => import("./discover.tsx"));

export function MakeForm(props: { done?: () => void }) {
  const [name, setName] = createSignal("");
  const [error, setError] = createSignal<string>();
  const [busy, setBusy] = createSignal(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy()) return;
    if (name().trim() === "") return void setError(t("Enter a name."));
    setBusy(true);
    try {
      const { server } = await client.call("server_create", 0, { name: name().trim() });
      props.done?.();
      openServer(server.server_id);
    } catch (refusal) {
      setError(sentenceOf(refusal));
    }
    setBusy(false);
  };
  return (
    <form onSubmit={(event) => void submit(event)} novalidate>
      <Field
        label={t("Name of the server")}
        hint={t("What its people call it: Book club, Maintainers. You can change it later.")}
        autofocus
        maxlength={LIMITS.MAX_TITLE_CHARS}
        error={error()}
        value={name()}
        onInput={(event) => setName(event.currentTarget.value)}
      />
      <Button kind="accent" submit busy={busy()}>{t("Create")}</Button>
    </form>
  );
}

export function JoinForm(props: { done?: () => void }) {
  const [code, setCode] = createSignal("");
  const [error, setError] = createSignal<string>();
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const found = codeIn(code());
    if (found === undefined) return void setError(t("This is not an invite."));
    props.done?.();
    go(`/i/${found}`);
  };
  return (
    <form onSubmit={submit} novalidate>
      <Field
        label={t("Invite link or code")}
        autofocus
        autocomplete="off"
        error={error()}
        value={code()}
        onInput={(event) => setCode(event.currentTarget.value)}
      />
      <Button kind="accent" submit>{t("Look at it")}</Button>
    </form>
  );
}

/** The code in what somebody pasted: an address, or the code alone. */
export function codeIn(text: string): string | undefined {
  return /(?:^|\/i\/)([\w-]{4,64})\/?$/.exec(text.trim())?.[1];
}

/** Asks which way, in a dialog. */
export function openAdd(): void {
  openDialog((close) => <AddServer close={close} />);
}

function AddServer(props: { close: () => void }) {
  const [way, setWay] = createSignal<"make" | "join" | "find">("make");
  const tabs = () => [
    { id: "make" as const, label: t("Name a server") },
    { id: "join" as const, label: t("Join by invite") },
    { id: "find" as const, label: t("Find one") },
  ];
  return (
    <Dialog title={t("Add a server")} onClose={props.close}>
      <Tabs label={t("Add a server")} tabs={tabs()} current={way()} onChange={setWay}>
        <Switch fallback={<MakeForm done={props.close} />}>
          <Match when={way() === "join"}>
            <JoinForm done={props.close} />
          </Match>
          <Match when={way() === "find"}>
            <Part>
              <Discover done={props.close} />
            </Part>
          </Match>
        </Switch>
      </Tabs>
    </Dialog>
  );
}
