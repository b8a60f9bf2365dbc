// A new channel, category or separator.
import { LIMITS, type ChannelId, type ChannelKind, type ChannelState, type ServerId } from "confab-client";
import { Show } from "solid-js";
import { client, state } from "../../app/client.ts";
import { useForm } from "../../app/form.ts";
import { openChannel } from "../../app/place.ts";
import { Choice, Field } from "../../kit/field.tsx";
import { Select } from "../../kit/form.tsx";
import { FormDialog } from "../../kit/form-dialog.tsx";
import { t } from "../../lang/index.ts";
import { showPane } from "../panel.ts";
import { listIn } from "./move.ts";
import { whenKnown } from "./when-known.ts";

/** Kinds that can be used: voice and forums cannot yet. */
type Kind = Extract<ChannelKind, "text" | "announcement" | "category" | "separator">;

/** What a separator is called: it needs a name, and shows none. */
const LINE = "—";

export function CreateChannel(props: { server: ServerId; category: ChannelId | null; kind: ChannelKind; close: () => void }) {
  const form = useForm<{ kind: Kind; name: string; category: ChannelId | 0 }>({
    start: () => ({ kind: props.kind === "category" ? "category" : "text", name: "", category: props.category ?? 0 }),
    once: true,
    check: ({ kind, name }) => ({ name: kind !== "separator" && name.trim() === "" ? t("Enter a name.") : undefined }),
    save: async (_, { kind, name, category }) => {
      const parent_id = kind === "category" || category === 0 ? null : category;
      const asked = { name: kind === "separator" ? LINE : name.trim(), kind, parent_id };
      const { channel } = await client.call("channel_create", props.server, asked);
      props.close();
      if (kind === "text" || kind === "announcement") whenKnown(channel.channel_id, show);
    },
  });
  return (
    <FormDialog title={t("Create a channel")} form={form} action={t("Create")} close={props.close}>
      <Choice label={t("Kind")} options={kinds(props.category !== null)} {...form.pick("kind")} />
      <Show when={form.values().kind !== "separator"}>
        <Field label={t("Name")} autofocus maxlength={LIMITS.MAX_TITLE_CHARS} autocomplete="off" {...form.text("name")} />
      </Show>
      <Show when={form.values().kind !== "category" && categories(props.server).length > 1}>
        <Select label={t("Category")} options={categories(props.server)} {...form.pick("category")} />
      </Show>
    </FormDialog>
  );
}

function show(channel: ChannelState): void {
  openChannel(channel);
  showPane("channel");
}

/** Those that the reader sees, in the order of the list; 0 for none. */
function categories(server: ServerId): { value: ChannelId | 0; label: string }[] {
  const known = listIn(server).flatMap(({ category }) => (category === null ? [] : (state.channels[category] ?? [])));
  return [{ value: 0, label: t("No category") }, ...known.map(({ channel_id, name }) => ({ value: channel_id, label: name }))];
}

function kinds(inCategory: boolean): { value: Kind; label: string; hint?: string }[] {
  return [
    { value: "text", label: t("Text"), hint: t("Everyone can talk.") },
    { value: "announcement", label: t("Announcements"), hint: t("A few write, everyone reads.") },
    ...(inCategory ? [] : [{ value: "category" as const, label: t("Category"), hint: t("Holds other channels.") }]),
    { value: "separator", label: t("Separator"), hint: t("A line between channels.") },
  ];
}
