// Who somebody is: his names, roles, how he is and since when he is here; beside the name that was clicked.
import { mergePresences, type Profile, type ServerId, type UserId } from "confab-client";
import { createSignal, For, onMount, Show } from "solid-js";
import { client, state } from "../../app/client.ts";
import { currentChannel } from "../../app/place.ts";
import { Button, IconButton } from "../../kit/button.tsx";
import { Floating, openFloating } from "../../kit/floating.tsx";
import { openMenu } from "../../kit/menu.tsx";
import { minute } from "../../app/clock.ts";
import { date, moment, timeOfId } from "../../lang/dates.ts";
import { t } from "../../lang/index.ts";
import { insertText } from "../panel.ts";
import { Avatar } from "../people/avatar.tsx";
import { Coloured, Name } from "../people/name.tsx";
import { shownName } from "../people/names.ts";
import { menuOf } from "../registry.ts";
import { colourOfRole, rolesHeld } from "../roles/names.ts";
import "./card.css";

export function showCard(user: UserId, server: ServerId | undefined, opener: HTMLElement): void {
  openFloating(opener, (close) => <Card user={user} server={server} opener={opener} close={close} />);
}

interface CardProps {
  user: UserId;
  server: ServerId | undefined;
  opener: HTMLElement;
  close: () => void;
}

function Card(props: CardProps) {
  const { user, server } = props;
  const [profile, setProfile] = createSignal<Profile>();
  const known = () => (server === undefined ? undefined : state.servers[server]);
  const name = () => shownName(user, server);
  const account = () => state.users[user];
  const member = () => known()?.members[user];
  const roles = () => (server === undefined ? [] : rolesHeld(server, user));
  const look = () => (user === state.me?.user_id ? "online" : state.presence[user]?.state);
  onMount(() => {
    // What is not found is left out: the card says what is known.
    client.call("user_get", 0, { user_id: user }).then(setProfile, () => undefined);
    if (server !== undefined) client.fetch("presence_get", server, { user_ids: [user] }, mergePresences).catch(() => undefined);
  });
  const mention = () => {
    const channel = currentChannel();
    props.close();
    if (channel !== undefined) insertText(channel, `@${name()} `);
  };
  const more = (event: MouseEvent & { currentTarget: HTMLElement }) =>
    openMenu(name(), menuOf("member", { user, server: known() }), event.currentTarget, "right");
  return (
    <Floating opener={props.opener} side="right" class="card" label={name()} onClose={props.close}>
      <header>
        <Avatar id={user} name={name()} picture={account()?.avatar} size={48} presence={look()} />
        <span class="card-names">
          <Name user={user} server={server} />
          <Show when={account()?.deleted === false && name() !== account()?.name}><span class="second cut">{account()?.name}</span></Show>
          <Show when={state.presence[user]?.text}>{(text) => <span class="second">{text()}</span>}</Show>
        </span>
        <IconButton icon="close" label={t("Close")} keys="Escape" onClick={() => props.close()} />
      </header>
      <Show when={profile()?.bio}>{(bio) => <p class="card-bio">{bio()}</p>}</Show>
      <Show when={(member()?.timeout_until ?? 0) > minute() && member()?.timeout_until}>
        {(until) => <p class="card-warn second">{t("Timed out until {time}.", { time: moment(until(), minute()) })}</p>}
      </Show>
      <Show when={roles().length > 0}>
        <ul class="card-roles" aria-label={t("Roles")}>
          <For each={roles()}>{(role) => <li class="chip"><Coloured colour={colourOfRole(role)}>{role.name}</Coloured></li>}</For>
        </ul>
      </Show>
      <dl class="card-facts second">
        <Show when={account()?.admin}><div><dt>{t("Administers the deployment")}</dt></div></Show>
        <Show when={account()?.guest}><div><dt>{t("Guest")}</dt></div></Show>
        <Show when={known()?.server.owner_id === user}><div><dt>{t("Owns this server")}</dt></div></Show>
        <Show when={member()?.joined_at}>
          {(at) => <div><dt>{t("Member since")}</dt><dd>{date(at())}</dd></div>}
        </Show>
        <div><dt>{t("Account since")}</dt><dd>{date(timeOfId(user))}</dd></div>
      </dl>
      <footer>
        <Show when={currentChannel() !== undefined && user !== state.me?.user_id && !account()?.deleted}>
          <Button icon="at" onClick={mention}>{t("Mention")}</Button>
        </Show>
        <Button icon="more" aria-haspopup="menu" onClick={more}>{t("More")}</Button>
      </footer>
    </Floating>
  );
}
