// Who is in the server, as a table: by name, or by role. However many there are, what is shown is what was asked for.
import { LIMITS, mergeMembers, rolesInOrder, type Member, type MemberPlace, type RoleId, type ServerId, type ServerState } from "confab-client";
import { createSignal, onCleanup, Show } from "solid-js";
import { client, state } from "../../app/client.ts";
import { minute } from "../../app/clock.ts";
import { paged, type Page } from "../../app/paged.ts";
import { currentServer } from "../../app/place.ts";
import { IconButton } from "../../kit/button.tsx";
import { Field } from "../../kit/field.tsx";
import { Select } from "../../kit/form.tsx";
import { Table } from "../../kit/table.tsx";
import { date, moment } from "../../lang/dates.ts";
import { list, t } from "../../lang/index.ts";
import { openMemberMenu } from "../people/card.ts";
import { shownName } from "../people/names.ts";
import { PersonName } from "../people/person-name.tsx";
import { ownRolesOf } from "../roles/names.ts";
import "./members-page.css";

const PAGE = 100;
/** By name, each of them is looked up: so many at a time. */
const FOUND = 20;
/** So many pages are looked through for a role before the reader is asked whether to go on. */
const LOOKED = 10;
/** A search waits until nobody types for so long. */
const PAUSE = 250;

/** Where the next page begins: in the list, or behind a name. */
type Place = { list: MemberPlace } | { name: string };

export default function MembersPage() {
  return <Show when={currentServer()?.server.server_id} keyed>{(server) => <List server={server} />}</Show>;
}

function List(props: { server: ServerId }) {
  const { server } = props;
  const known = () => state.servers[server];
  const [text, setText] = createSignal("");
  const [role, setRole] = createSignal<RoleId>();
  const members = paged<Member, Place>((place) => {
    const prefix = text().trim();
    return prefix === "" ? listed(server, role(), place) : named(server, prefix, role(), place);
  });
  let timer = 0;
  const search = (value: string) => {
    setText(value);
    clearTimeout(timer);
    timer = window.setTimeout(members.again, PAUSE);
  };
  onCleanup(() => clearTimeout(timer));
  const roles = () => {
    return [{ value: 0, label: t("All roles") }, ...ownRolesOf(server).map(({ role_id, name }) => ({ value: role_id as number, label: name }))];
  };
  return (
    <>
      <div class="filters">
        <Field label={t("Name begins with")} type="search" autocomplete="off" maxlength={LIMITS.MAX_NAME_CHARS} value={text()} onInput={(event) => search(event.currentTarget.value)} />
        <Select
          label={t("Role")}
          value={role() ?? 0}
          options={roles()}
          onChange={(value) => {
            setRole(value === 0 ? undefined : (value as RoleId));
            members.again();
          }}
        />
      </div>
      <Table<Member>
        label={t("Members")}
        empty={members.more() === undefined ? t("Nobody found. Try fewer letters.") : t("Nobody found so far. There are more to search.")}
        rows={members.rows()}
        error={members.error()}
        onMore={members.more()}
        busy={members.busy()}
        columns={[
          { title: t("Name"), names: true, cell: ({ user }) => <Name user={user} server={server} /> },
          { title: t("Roles"), cell: (row) => roleNames(known(), row) },
          { title: t("Member since"), brief: true, cell: ({ joined_at }) => (joined_at === null ? "" : date(joined_at)) },
          { title: t("Timed out until"), cell: (row) => silentUntil(known(), row) },
          {
            title: t("Actions"),
            quiet: true,
            cell: ({ user }) => (
              <IconButton
                icon="more"
                aria-haspopup="menu"
                label={t("What to do with {name}", { name: shownName(user.user_id, server) })}
                onClick={(event) => void openMemberMenu(user.user_id, server, event.currentTarget)}
              />
            ),
          },
        ]}
      />
    </>
  );
}

function Name(props: { user: Member["user"]; server: ServerId }) {
  return (
    <>
      <PersonName user={props.user.user_id} server={props.server} />
      <Show when={shownName(props.user.user_id, props.server) !== props.user.name}>
        <div class="meta">{props.user.name}</div>
      </Show>
    </>
  );
}

/** As they are now: events tell what changes while the page is open. */
function roleNames(server: ServerState | undefined, { user, roles }: Member): string {
  const held = server?.members[user.user_id]?.roles ?? roles;
  const names = server === undefined ? [] : rolesInOrder(server).filter(({ role_id }) => held.includes(role_id)).map(({ name }) => name);
  return list(names);
}

function silentUntil(server: ServerState | undefined, { user, timeout_until }: Member): string {
  const known = server?.members[user.user_id];
  if (server !== undefined && known === undefined) return t("Left");
  const until = (known === undefined ? timeout_until : known.timeout_until) ?? 0;
  return until > minute() ? t("Timed out until {time}", { time: moment(until, minute()) }) : "";
}

/** The list as everyone sees it; for a role, as many of its pages as one answer is for. */
async function listed(server: ServerId, role: RoleId | undefined, place: Place | null): Promise<Page<Member, Place>> {
  const rows: Member[] = [];
  let next: MemberPlace | null = place !== null && "list" in place ? place.list : null;
  for (let page = 0; page < LOOKED; page += 1) {
    const found = await client.members(server, next);
    rows.push(...found.members.filter(({ roles }) => role === undefined || roles.includes(role)));
    next = found.next;
    if (next === null || role === undefined || rows.length >= PAGE) break;
  }
  return { rows, next: next === null ? null : { list: next } };
}

async function named(server: ServerId, prefix: string, role: RoleId | undefined, place: Place | null): Promise<Page<Member, Place>> {
  const after = place !== null && "name" in place ? place.name : null;
  const { users, more } = await client.call("users_search", server, { prefix, after, limit: FOUND });
  const found = await Promise.all(users.map(({ user_id }) => memberOf(server, user_id)));
  const rows = found.flatMap((one) => one ?? []).filter(({ roles }) => role === undefined || roles.includes(role));
  const last = users.at(-1);
  return { rows, next: more && last !== undefined ? { name: last.name } : null };
}

/** Nobody where he left meanwhile. */
async function memberOf(server: ServerId, user_id: Member["user"]["user_id"]): Promise<Member | undefined> {
  const shown = await client
    .fetch("member_get", server, { user_id }, (known, { member }) => mergeMembers(known, server, [member]))
    .catch(() => undefined);
  return shown?.member;
}
