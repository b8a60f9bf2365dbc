// The dialogs of a member: nickname, roles, silence, removing, banning. What comes of them comes as events.
import { type ChannelState, type Role, type RoleId, type ServerState, type UserId } from "confab-client";
import { createSignal, For, onMount, Show } from "solid-js";
import { act } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { now } from "../../app/clock.ts";
import { Button } from "../../kit/button.tsx";
import { openDialog } from "../../kit/dialog.tsx";
import { Field } from "../../kit/field.tsx";
import { Select } from "../../kit/form.tsx";
import { toast } from "../../kit/toast.tsx";
import { moment } from "../../lang/dates.ts";
import { t } from "../../lang/index.ts";
import { DAY, HOUR, MINUTE, SILENCES, span, YEAR } from "../../lang/spans.ts";
import { Coloured } from "../people/name.tsx";
import { shownName } from "../people/names.ts";
import { serverPermissions } from "../rights.ts";
import { colourOfRole } from "../roles/names.ts";
import { Deed } from "./deed.tsx";
import { changeableRoles } from "../rank/may.ts";

const idOf = ({ server }: ServerState) => server.server_id;

export function rename(server: ServerState, user: UserId): void {
  const own = user === state.me?.user_id;
  const [name, setName] = createSignal(server.members[user]?.nickname ?? "");
  const whom = own ? {} : { user_id: user };
  const run = () => {
    const nickname = name().trim();
    return nickname === ""
      ? client.call("nickname_remove", idOf(server), whom)
      : client.call("nickname_update", idOf(server), { nickname, ...whom });
  };
  openDialog((close) => (
    <Deed title={own ? t("Your nickname here") : t("Nickname of {name}", { name: state.users[user]?.name ?? "" })} action={t("Save")} run={run} close={close}>
      <Field
        label={t("Nickname")}
        hint={t("Only in {server}. Leave it empty to go by {name}.", { server: server.server.name, name: state.users[user]?.name ?? "" })}
        autofocus
        autocomplete="off"
        maxlength={32}
        value={name()}
        onInput={(event) => setName(event.currentTarget.value)}
      />
    </Deed>
  ));
}

export function changeRoles(server: ServerState, user: UserId): void {
  const held = () => state.servers[idOf(server)]?.members[user]?.roles ?? [];
  const [wanted, setWanted] = createSignal<ReadonlySet<RoleId>>(new Set(held()));
  const toggle = (role: RoleId) =>
    setWanted((before) => {
      const next = new Set(before);
      if (!next.delete(role)) next.add(role);
      return next;
    });
  // Only what differs is sent: what others give and take meanwhile stays.
  const run = async (reason: string) => {
    const offered = changeableRoles(idOf(server), user).map(({ role_id }) => role_id);
    const given = offered.filter((role) => wanted().has(role) && !held().includes(role));
    const taken = offered.filter((role) => !wanted().has(role) && held().includes(role));
    if (given.length > 0) await client.call("user_roles_add", idOf(server), { user_id: user, roles: given, reason });
    if (taken.length > 0) await client.call("user_roles_remove", idOf(server), { user_id: user, roles: taken, reason });
  };
  openDialog((close) => (
    <Deed title={t("Roles of {name}", { name: shownName(user, idOf(server)) })} action={t("Save")} reasoned run={run} close={close}>
      <fieldset class="checks">
        <legend>{t("Roles")}</legend>
        <For each={changeableRoles(idOf(server), user)}>
          {(role) => <RoleCheck role={role} checked={wanted().has(role.role_id)} onChange={() => toggle(role.role_id)} />}
        </For>
      </fieldset>
    </Deed>
  ));
}

function RoleCheck(props: { role: Role; checked: boolean; onChange: () => void }) {
  return (
    <label class="check">
      <input type="checkbox" checked={props.checked} onChange={() => props.onChange()} />
      <Coloured colour={colourOfRole(props.role)} class="cut">{props.role.name}</Coloured>
    </label>
  );
}

const until = (seconds: number) => t("Until {time}", { time: moment(now() + seconds * 1000) });

/** In a channel, or in the whole server. */
export function silence(server: ServerState, user: UserId, channel: ChannelState | null): void {
  const name = shownName(user, idOf(server));
  const [seconds, setSeconds] = createSignal(10 * MINUTE);
  const [silent, setSilent] = createSignal<number | null>(null);
  const end = async (duration: number, reason: string) => {
    await (channel === null
      ? client.call("user_timeout", idOf(server), { user_id: user, duration, reason })
      : client.call("channel_mute", idOf(server), { user_id: user, channel_id: channel.channel_id, duration, reason }));
    const time = moment(now() + duration * 1000);
    toast(channel === null ? t("{name} is timed out until {time}.", { name, time }) : t("{name} is muted in #{channel} until {time}.", { name, channel: channel.name, time }));
  };
  const lift = async () => {
    await (channel === null
      ? client.call("user_timeout", idOf(server), { user_id: user, duration: 0 })
      : client.call("channel_unmute", idOf(server), { user_id: user, channel_id: channel.channel_id }));
    toast(t("{name} can speak again.", { name }));
  };
  // How it is now nobody else is told.
  const look = async () => {
    const { member, mutes } = await client.call("member_get", idOf(server), { user_id: user });
    const found = channel === null ? member.timeout_until : mutes.find(({ channel_id }) => channel_id === channel.channel_id)?.until;
    setSilent(found != null && found > now() ? found : null);
  };
  openDialog((close) => {
    onMount(() => void act(look()));
    const others = (
      <Show when={silent() !== null}>
        <Button class="first" onClick={() => void act(lift()).then((done) => done && close())}>{t("Let speak again")}</Button>
      </Show>
    );
    return (
      <Deed
        title={channel === null ? t("Time out {name}", { name }) : t("Mute {name} in #{channel}", { name, channel: channel.name })}
        text={t("{name} can read meanwhile, but neither write nor react.", { name })}
        action={channel === null ? t("Time out") : t("Mute")}
        danger
        reasoned
        run={(reason) => end(seconds(), reason)}
        close={close}
        others={others}
      >
        <Show when={silent()}>{(moments) => <p role="status">{t("Now until {time}.", { time: moment(moments()) })}</p>}</Show>
        <Select
          label={t("For how long")}
          value={seconds()}
          options={SILENCES.map((value) => ({ value, label: span(value) }))}
          hint={until(seconds())}
          onChange={setSeconds}
        />
      </Deed>
    );
  });
}

export function kick(server: ServerState, user: UserId): void {
  const name = shownName(user, idOf(server));
  openDialog((close) => (
    <Deed
      title={t("Remove {name} from {server}?", { name, server: server.server.name })}
      text={t("With an invite {name} may come back.", { name })}
      action={t("Remove")}
      danger
      reasoned
      run={(reason) => client.call("member_kick", idOf(server), { user_id: user, reason })}
      close={close}
    />
  ));
}

const BANS = [0, HOUR, DAY, 7 * DAY, 30 * DAY, YEAR];
const DELETED = [0, 1, 24, 3 * 24, 7 * 24];

export function ban(server: ServerState, user: UserId): void {
  const name = shownName(user, idOf(server));
  const [seconds, setSeconds] = createSignal(0);
  const [hours, setHours] = createSignal(0);
  const run = (reason: string) =>
    client.call("user_ban", idOf(server), { user_id: user, reason, duration: seconds() === 0 ? null : seconds(), delete_hours: hours() });
  openDialog((close) => (
    <Deed
      title={t("Ban {name} from {server}?", { name, server: server.server.name })}
      text={t("{name} is removed, and cannot come back until the ban ends.", { name })}
      action={t("Ban")}
      danger
      reasoned
      run={run}
      close={close}
    >
      <Select
        label={t("For how long")}
        value={seconds()}
        options={BANS.map((value) => ({ value, label: value === 0 ? t("For ever") : span(value) }))}
        hint={seconds() === 0 ? undefined : until(seconds())}
        onChange={setSeconds}
      />
      <Show when={serverPermissions(idOf(server)).has("MANAGE_MESSAGES")}>
        <Select
          label={t("Delete messages")}
          value={hours()}
          options={DELETED.map((value) => ({ value, label: value === 0 ? t("None") : t("Of the last {time}", { time: span(value * HOUR) }) }))}
          onChange={setHours}
        />
      </Show>
    </Deed>
  ));
}
