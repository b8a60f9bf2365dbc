// Who holds a role: those who are known, and page after page of the others.
import type { MemberPlace, RoleId, ServerId, UserId } from "confab-client";
import { createSignal, For, Show } from "solid-js";
import { act } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { paged } from "../../app/paged.ts";
import { Button, IconButton } from "../../kit/button.tsx";
import { Section } from "../../kit/form.tsx";
import { t, tn } from "../../lang/index.ts";
import { Avatar } from "../people/avatar.tsx";
import { shownName } from "../people/names.ts";
import { PickMember } from "../people/pick.tsx";
import { mayGive, mayTake } from "../rank/may.ts";

export function RoleMembers(props: { server: ServerId; role: RoleId }) {
  const { server, role } = props;
  const [adding, setAdding] = createSignal(false);
  // Whoever is known is in the state, and events keep it right: what was listed need not be kept here.
  const looked = paged<never, MemberPlace>(async (place) => ({ rows: [], next: (await client.members(server, place)).next }));
  const holds = (user: UserId) => state.servers[server]?.members[user]?.roles.includes(role) === true;
  const holders = () =>
    Object.keys(state.servers[server]?.members ?? {})
      .map((id) => Number(id) as UserId)
      .filter(holds)
      .sort((a, b) => shownName(a, server).localeCompare(shownName(b, server)));
  const known = () => state.servers[server]?.roles[role];
  const may = (deed: typeof mayGive, user: UserId) => {
    const found = known();
    return found !== undefined && deed(server, found, user);
  };
  const give = (user_id: UserId) => act(client.call("user_roles_add", server, { user_id, roles: [role] }));
  const take = (user_id: UserId) => act(client.call("user_roles_remove", server, { user_id, roles: [role] }));
  return (
    <Section title={t("Members")} description={holders().length > 0 ? tn("{count} members", holders().length) : undefined}>
      <ul class="role-members" aria-label={t("Members")}>
        <For each={holders()}>
          {(user) => (
            <li class="role-member">
              <Avatar id={user} name={shownName(user, server)} picture={state.users[user]?.avatar} size={28} />
              <span class="cut">{shownName(user, server)}</span>
              <Show when={may(mayTake, user)}>
                <IconButton icon="close" label={t("Take it from {name}", { name: shownName(user, server) })} onClick={() => void take(user)} />
              </Show>
            </li>
          )}
        </For>
      </ul>
      <Show when={holders().length === 0 && looked.rows() !== undefined && looked.more() === undefined}>
        <p class="second">{t("Nobody has this role yet.")}</p>
      </Show>
      <Show when={looked.error()}>{(text) => <p class="error" role="alert">{text()}</p>}</Show>
      <Show when={looked.more()}>
        {(more) => <Button busy={looked.busy()} onClick={() => more()()}>{t("Look through more members")}</Button>}
      </Show>
      <Show when={state.me !== null && may(mayGive, state.me.user_id)}>
        <Show when={adding()} fallback={<Button icon="plus" onClick={() => setAdding(true)}>{t("Give it to somebody")}</Button>}>
          <PickMember
            server={server}
            label={t("Give it to")}
            focus
            fits={(user) => !holds(user) && may(mayGive, user)}
            onPick={(user) => void give(user)}
          />
        </Show>
      </Show>
    </Section>
  );
}
