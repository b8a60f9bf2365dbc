// A new channel, category or separator.
import type { ChannelId, ChannelKind, ServerId } from "confab-client";
import { createSignal, createUniqueId, Show } from "solid-js";
import { sentenceOf } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { openChannel } from "../../app/place.ts";
import { Button } from "../../kit/button.tsx";
import { Dialog } from "../../kit/dialog.tsx";
import { Choice, Field } from "../../kit/field.tsx";
import { Select } from "../../kit/form.tsx";
import { t } from "../../lang/index.ts";
import { showPane } from "../panel.ts";
import { listIn } from "./move.ts";
import { whenKnown } from "./when-known.ts";

/** Kinds that can be used: voice and forums cannot yet. */
type Kind = Extract<ChannelKind, "text" | "announcement" | "category" | "separator">;

/** What a separator is called: it needs a name, and shows none. */
const LINE = "—";

export function CreateChannel(props: { server: ServerId; category: ChannelId | null; kind: ChannelKind; close: () => void }) {
  const form = createUniqueId();
  const [kind, setKind] = createSignal<Kind>(props.kind === "category" ? "category" : "text");
  const [name, setName] = createSignal("");
  const [error, setError] = createSignal<string>();
  const [busy, setBusy] = createSignal(false);
  const isNamed = () => kind() !== "separator";
  const [category, setCategory] = createSignal<ChannelId | 0>(props.category ?? 0);
  const parent = () => (kind() === "category" || category() === 0 ? null : (category() as ChannelId));
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy()) return;
    if (isNamed() && name().trim() === "") return void setError(t("Enter a name."));
    setBusy(true);
    try {
      const asked = { name: isNamed() ? name().trim() : LINE, kind: kind(), parent_id: parent() };
      const { channel } = await client.call("channel_create", props.server, asked);
      props.close();
      if (kind() === "text" || kind() === "announcement") whenKnown(channel.channel_id, show);
    } catch (refusal) {
      setError(sentenceOf(refusal));
    }
    setBusy(false);
  };
  const show = (channel: Parameters<typeof openChannel>[0]) => {
    openChannel(channel);
    showPane("channel");
  };
  return (
    <Dialog
      title={t("Create a channel")}
      onClose={props.close}
      actions={
        <>
          <Button onClick={props.close}>{t("Cancel")}</Button>
          <Button kind="accent" submit form={form} busy={busy()}>{t("Create")}</Button>
        </>
      }
    >
      <form id={form} onSubmit={(event) => void submit(event)} novalidate>
        <Choice label={t("Kind")} value={kind()} options={kinds(props.category !== null)} onChange={setKind} />
        <Show when={isNamed()} fallback={<Show when={error()}>{(text) => <p class="error" role="alert">{text()}</p>}</Show>}>
          <Field
            label={t("Name")}
            autofocus
            maxlength={100}
            autocomplete="off"
            error={error()}
            value={name()}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </Show>
        <Show when={kind() !== "category" && categories(props.server).length > 1}>
          <Select label={t("Category")} value={category()} options={categories(props.server)} onChange={setCategory} />
        </Show>
      </form>
    </Dialog>
  );
}

/** Those that the reader sees, in the order of the list; 0 for none. */
function categories(server: ServerId): { value: ChannelId | 0; label: string }[] {
  const known = listIn(server).flatMap(({ category }) => (category === null ? [] : (state.channels[category] ?? [])));
  return [{ value: 0, label: t("No category") }, ...known.map(({ channel_id, name }) => ({ value: channel_id, label: name }))];
}

function kinds(inCategory: boolean): { value: Kind; label: string; hint?: string }[] {
  return [
    { value: "text", label: t("Text"), hint: t("Everybody talks.") },
    { value: "announcement", label: t("Announcements"), hint: t("Few write, all read.") },
    ...(inCategory ? [] : [{ value: "category" as const, label: t("Category"), hint: t("Holds other channels.") }]),
    { value: "separator", label: t("Separator"), hint: t("A line between channels.") },
  ];
}
