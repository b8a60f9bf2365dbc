// What one wants to be told of in a server, the channels of a category, or a channel.
import { levelAt, levelIn, widerScopes, type AnyId, type NotificationLevel, type Scope } from "confab-client";
import { Show } from "solid-js";
import { client, state } from "../../app/client.ts";
import { now } from "../../app/clock.ts";
import { useForm } from "../../app/form.ts";
import { Choice, Switch } from "../../kit/field.tsx";
import { FormDialog } from "../../kit/form-dialog.tsx";
import { Select } from "../../kit/form.tsx";
import { say, t } from "../../lang/index.ts";
import { spokenName } from "../channels/called.ts";
import { endOf, muteOf, mutes, type Mute } from "./mute.ts";
import type { Place } from "./place.ts";
import { IN_ORDER, LEVELS } from "./words.ts";

export function Levels(props: { place: Place; close: () => void }) {
  const { place } = props;
  const { id, wider, name } = scopeOf(place);
  const set = levelAt(state, id);
  const end = set.muted_until !== null && set.muted_until > now() ? set.muted_until : null;
  const form = useForm<{ level: NotificationLevel | "wider"; mute: Mute; everyone: boolean }>({
    start: () => ({ level: set.level ?? "wider", mute: muteOf(end), everyone: !set.no_everyone }),
    once: true,
    save: async (_, { level, mute, everyone }) => {
      await client.setLevel(id, { level: level === "wider" ? null : level, muted_until: endOf(mute, end, now()), no_everyone: !everyone });
      props.close();
    },
  });
  const levels = () => [
    { value: "wider" as const, label: widerLabel(place), hint: say(LEVELS[levelIn(state, wider)]) },
    ...IN_ORDER.map((value) => ({ value, label: say(LEVELS[value]), ...(value === "mentions" && { hint: t("mentions, replies, keywords") }) })),
  ];
  return (
    <FormDialog title={t("Notifications of {name}", { name })} form={form} action={t("Save")} close={props.close}>
      <Choice label={t("Tell me of")} options={levels()} {...form.pick("level")} />
      <Select label={t("Mute")} options={mutes(end)} hint={t("What is muted tells nothing, and shows no sign of what is new. Mentions count all the same.")} {...form.pick("mute")} />
      <Show when={place.kind === "server"}>
        <Switch label={t("Calls of everyone count")} hint={t("Else they tell you of nothing here, unless you want to be told of all messages.")} {...form.toggle("everyone")} />
      </Show>
    </FormDialog>
  );
}

/** The scope of a place, those that it stands in, from the nearest, and what it is called. */
function scopeOf(place: Place): { id: Scope; wider: Scope[]; name: string } {
  if (place.kind === "server") {
    const { server_id, name } = place.server.server;
    return { id: server_id as number as AnyId, wider: [null], name };
  }
  const { channel } = place;
  return { id: channel.channel_id as number as AnyId, wider: widerScopes(channel), name: spokenName(channel) };
}

function widerLabel(place: Place): string {
  if (place.kind === "server") return t("As in all servers");
  return place.channel.parent_id === null ? t("As in the server") : t("As in the category");
}
