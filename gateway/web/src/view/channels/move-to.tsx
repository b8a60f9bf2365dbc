// Where a channel is to stand, chosen from lists: what a drag does, without one.
import type { ChannelId, ChannelState } from "confab-client";
import { createSignal, createUniqueId, Show } from "solid-js";
import { state } from "../../app/client.ts";
import { Button } from "../../kit/button.tsx";
import { Dialog } from "../../kit/dialog.tsx";
import { Select } from "../../kit/form.tsx";
import { t } from "../../lang/index.ts";
import { listIn, move } from "./move.ts";

/** In a list of choices: no category, or the end. */
const NONE = 0;

export function MoveTo(props: { channel: ChannelState; close: () => void }) {
  const form = createUniqueId();
  const list = () => listIn(props.channel.server_id);
  const id = () => props.channel.channel_id;
  const isCategory = () => props.channel.kind === "category";
  const [category, setCategory] = createSignal<number>(list().find(({ channels }) => channels.includes(id()))?.category ?? NONE);
  const among = (): readonly ChannelId[] => {
    const all = isCategory()
      ? list().flatMap((section) => section.category ?? [])
      : (list().find((section) => (section.category ?? NONE) === category())?.channels ?? []);
    return all.filter((other) => other !== id());
  };
  const [before, setBefore] = createSignal<number>(NONE);
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
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    props.close();
    const orNone = (value: number) => (value === NONE ? null : (value as ChannelId));
    void move(props.channel, { category: isCategory() ? null : orNone(category()), before: orNone(before()) });
  };
  return (
    <Dialog
      title={t("Move {name}", { name: props.channel.name })}
      onClose={props.close}
      actions={
        <>
          <Button onClick={props.close}>{t("Cancel")}</Button>
          <Button kind="accent" submit form={form}>{t("Move")}</Button>
        </>
      }
    >
      <form id={form} onSubmit={submit}>
        <Show when={!isCategory()}>
          <Select
            label={t("Category")}
            value={category()}
            options={categories()}
            onChange={(value) => {
              setCategory(value);
              setBefore(NONE);
            }}
          />
        </Show>
        <Select label={t("Place")} value={before()} options={places()} onChange={setBefore} />
      </form>
    </Dialog>
  );
}
