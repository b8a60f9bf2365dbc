// Who is in the server: under their hoisted roles those who are there, then all others.
import { type MemberPlace, type PresenceState, type RoleId, type ServerId, type UserId } from "confab-client";
import { createEffect, createMemo, For, on, onCleanup, Show } from "solid-js";
import { act } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { currentServer } from "../../app/place.ts";
import { paged } from "../../app/paged.ts";
import { roving } from "../../kit/roving.ts";
import { t } from "../../lang/index.ts";
import { Avatar } from "../people/avatar.tsx";
import { openMember, openMemberMenu } from "../people/card.ts";
import { statusTexts } from "./texts.ts";
import { ownLook, ownStatus } from "../people/status.ts";
import { Name } from "../people/name.tsx";
import { TimedOutMark } from "../people/timed-out.tsx";
import { shownName } from "../people/names.ts";

/** So many may be watched, and so many are drawn. */
const MOST = 200;

interface Listed {
  user: UserId;
  role: RoleId | null;
}

export default function Members() {
  return <Show when={currentServer()?.server.server_id} keyed>{(server) => <List server={server} />}</Show>;
}

function List(props: { server: ServerId }) {
  const { server } = props;
  const members = paged<Listed, MemberPlace>(async (place) => {
    const page = await client.members(server, place);
    return { rows: page.members.map(({ user, roles }) => ({ user: user.user_id, role: hoisted(server, roles) })), next: page.next };
  });
  const listed = () => (members.rows() ?? []).slice(0, 5 * MOST);
  createEffect(on(members.rows, (rows) => rows && void act(client.watch(server, rows.slice(0, MOST).map(({ user }) => user)))));
  // Anew whenever somebody comes, goes, or holds other roles, and after each connection.
  createEffect(on(() => state.connection.state === "open", (open) => open && members.again(), { defer: true }));
  let timer = 0;
  const texts = statusTexts(server);
  const stop = client.on("event", ({ event, topic }) => {
    // That somebody looks otherwise is told without the text beside his name.
    if (event.name === "presence_changed") texts.note(event.body.changes);
    if (topic !== (server as number) || !CHANGES.has(event.name)) return;
    clearTimeout(timer);
    timer = window.setTimeout(members.again, 300);
  });
  onCleanup(() => {
    clearTimeout(timer);
    texts.stop();
    stop();
    client.watch(server, []).catch(() => undefined);
  });

  const look = (user: UserId): PresenceState => (user === state.me?.user_id ? ownLook() : (state.presence[user]?.state ?? "offline"));
  const groups = createMemo(() => groupsOf(server, listed(), (user) => look(user) !== "offline"));
  return (
    <div class="members" ref={(list) => roving(list, "button.member")}>
      <Show when={members.error()}>{(text) => <p class="error middle">{text()}</p>}</Show>
      <For each={groups()}>
        {(group) => (
          <section>
            <h3 class="members-heading">{group.title}, {group.users.length}</h3>
            <For each={group.users}>{(user) => <Member user={user} server={server} look={look(user)} />}</For>
          </section>
        )}
      </For>
      <Show when={members.more()}>
        {(more) => <button type="button" class="inline more" onClick={() => more()()}>{t("Show more")}</button>}
      </Show>
    </div>
  );
}

const CHANGES: ReadonlySet<string> = new Set([
  "member_joined", "member_left", "member_roles_changed", "nickname_changed", "role_updated", "role_deleted", "roles_reordered", "user_updated",
]);

function Member(props: { user: UserId; server: ServerId; look: PresenceState }) {
  const name = () => shownName(props.user, props.server);
  const text = () => (props.user === state.me?.user_id ? ownStatus().text : (state.presence[props.user]?.text ?? ""));
  return (
    <button
      type="button"
      class="member"
      classList={{ offline: props.look === "offline" }}
      onClick={(event) => openMember(props.user, props.server, event.currentTarget)}
      onContextMenu={(event) => {
        if (event.shiftKey) return;
        event.preventDefault();
        void openMemberMenu(props.user, props.server, event.clientX > 0 ? event : event.currentTarget);
      }}
    >
      <Avatar id={props.user} name={name()} picture={state.users[props.user]?.avatar} size={32} presence={props.look} />
      <span class="own-text">
        <Name user={props.user} server={props.server} class="cut" />
        <Show when={text()}>{(said) => <span class="meta cut">{said()}</span>}</Show>
      </span>
      <TimedOutMark user={props.user} server={props.server} />
    </button>
  );
}

function hoisted(server: ServerId, roles: readonly RoleId[]): RoleId | null {
  const known = state.servers[server]?.roles ?? {};
  const held = roles.flatMap((id) => known[id] ?? []).filter(({ hoist }) => hoist);
  return held.sort((a, b) => b.position - a.position)[0]?.role_id ?? null;
}

interface Group {
  title: string;
  users: UserId[];
}

function groupsOf(server: ServerId, listed: readonly Listed[], isThere: (user: UserId) => boolean): Group[] {
  const present = listed.filter(({ user }) => isThere(user));
  const roles = [...new Set(present.map(({ role }) => role))].filter((role) => role !== null);
  const named = roles.map((role) => ({
    title: state.servers[server]?.roles[role]?.name ?? "",
    users: present.filter((one) => one.role === role).map(({ user }) => user),
  }));
  const others = { title: t("Online"), users: present.filter(({ role }) => role === null).map(({ user }) => user) };
  const away = { title: t("Offline"), users: listed.filter(({ user }) => !isThere(user)).map(({ user }) => user) };
  return [...named, others, away].filter(({ users }) => users.length > 0);
}
