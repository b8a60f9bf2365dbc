// Where a channel is to stand, chosen from lists: what a drag does, without one.
import type { ChannelId, ChannelState } from "confab-client";
import { Show } from "solid-js";
import { state } from "../../app/client.ts";
import { useForm } from "../../app/form.ts";
import { FormDialog } from "../../kit/form-dialog.tsx";
import { Select } from "../../kit/form.tsx";
import { t } from "../../lang/index.ts";
import { listIn, move } from "./move.ts";

/** In a list of choices: no category, or the end. */
const NONE = 0;

export function MoveTo(props: { channel: ChannelState; close: () => void }) {
  const list = () => listIn(props.channel.server_id);
  const id = () => props.channel.channel_id;
  const isCategory = () => props.channel.kind === "category";
  const now = list().find(({ channels }) => channels.includes(id()))?.category ?? NONE;
  const form = useForm<{ category: number; before: number }>({
    start: () => ({ category: now, before: NONE }),
    unguarded: true,
    save: async (_, { category, before }) => {
      props.close();
      const orNone = (value: number) => (value === NONE ? null : (value as ChannelId));
      await move(props.channel, { category: isCategory() ? null : orNone(category), before: orNone(before) });
    },
  });
  const among = (): readonly ChannelId[] => {
    const all = isCategory()
      ? list().flatMap((section) => section.category ?? [])
      : (list().find((section) => (section.category ?? NONE) === form.values().category)?.channels ?? []);
    return all.filter((other) => other !== id());
  };
  const nameOf = (channel: ChannelId) => state.channels[channel]?.name ?? "";
  const categories = () =>
    list().map((section) => ({
      value: section.category ?? NONE,
      label: section.category === null ? t("No category") : nameOf(section.category),
    }));
  const places = () => [
    ...among().map((channel) => ({ value: channel as number, label: t("Before {name}", { name: nameOf(channel) }) })),
    { value: NONE, label: t("At the end") },
  ];
  const chooseCategory = (value: number) => {
    form.set("category", value);
    form.set("before", NONE);
  };
  return (
    <FormDialog title={t("Move {name}", { name: props.channel.name })} form={form} action={t("Move")} close={props.close}>
      <Show when={!isCategory()}>
        <Select label={t("Category")} value={form.values().category} options={categories()} onChange={chooseCategory} />
      </Show>
      <Select label={t("Place")} options={places()} {...form.pick("before")} />
    </FormDialog>
  );
}
