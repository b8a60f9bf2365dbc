// The roles of a server: their order, and one of them beside it.
import type { RoleId, ServerId } from "confab-client";
import { For, Show } from "solid-js";
import { act } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { currentServer } from "../../app/place.ts";
import { Button, IconButton } from "../../kit/button.tsx";
import { ask, openDialog } from "../../kit/dialog.tsx";
import { Icon } from "../../kit/icon.tsx";
import { openMenu, type MenuItems } from "../../kit/menu.tsx";
import { reorder, stepByKeys, stepItems } from "../../kit/reorder.ts";
import { roving } from "../../kit/roving.ts";
import { leave } from "../../kit/unsaved.ts";
import { t } from "../../lang/index.ts";
import { chosenRole, setChosenRole } from "./choose.ts";
import { CreateRole } from "./create.tsx";
import { isBelowMe, mayDelete, standingIn } from "../rank/may.ts";
import { colourOfRole, isEveryone, nameOfRole } from "./names.ts";
import { rolesInList } from "./ordering.ts";
import { mayMoveRole, moveRole, orderOf } from "./reorder.ts";
import { RoleForm } from "./form.tsx";
import { RoleMembers } from "./members.tsx";
import "../server/columns.css";
import "./roles.css";

export default function Roles() {
  return <Show when={currentServer()?.server.server_id} keyed>{(server) => <Page server={server} />}</Show>;
}

function Page(props: { server: ServerId }) {
  const { server } = props;
  const known = () => {
    const id = chosenRole();
    return id !== undefined && state.servers[server]?.roles[id] !== undefined ? id : undefined;
  };
  // Beside the list there is always one; alone on a phone, only one that was chosen.
  const shown = () => known() ?? orderOf(server).at(-1);
  return (
    <div class="columns" classList={{ chosen: known() !== undefined }}>
      <div class="columns-list">
        <p class="second">{t("Members with several roles rank as high as the highest of them. You can only change roles below yours.")}</p>
        <List server={server} shown={shown()} />
        <Create server={server} />
      </div>
      <Show when={shown()} keyed>
        {(role) => (
          <div class="columns-detail">
            <Button class="columns-back" kind="quiet" icon="back" onClick={() => leave(() => setChosenRole(undefined))}>{t("All roles")}</Button>
            <h2 class="title">{nameOfRole(server, role)}</h2>
            <RoleForm server={server} role={role} />
            <Show when={!isEveryone(server, role)}>
              <RoleMembers server={server} role={role} />
            </Show>
          </div>
        )}
      </Show>
    </div>
  );
}

function List(props: { server: ServerId; shown: RoleId | undefined }) {
  const order = () => orderOf(props.server).toReversed();
  return (
    <ul
      {...reorder(rolesInList(props.server))}
      class="columns-rows"
      aria-label={t("Roles")}
      ref={(list) => roving(list, ".columns-link")}
      onKeyDown={(event) => stepByKeys(rolesInList(props.server), event)}
    >
      <For each={order()}>{(id) => <Row server={props.server} id={id} isShown={props.shown === id} />}</For>
    </ul>
  );
}

function Row(props: { server: ServerId; id: RoleId; isShown: boolean }) {
  const role = () => state.servers[props.server]?.roles[props.id];
  const isLocked = () => {
    const known = role();
    return known !== undefined && !isBelowMe(props.server, known);
  };
  const menu = (event: MouseEvent & { currentTarget: HTMLElement }, at: Element | MouseEvent = event.currentTarget) => {
    event.preventDefault();
    openMenu(nameOfRole(props.server, props.id), itemsOf(props.server, props.id), at);
  };
  return (
    <li class="columns-row" onContextMenu={(event) => !event.shiftKey && menu(event, event.clientX > 0 ? event : event.currentTarget)}>
      <button type="button" class="columns-link" data-role={props.id} aria-current={props.isShown ? "true" : undefined} onClick={() => leave(() => setChosenRole(props.id))}>
        <span class="role-dot" style={{ "--role": colourOf(role()) }} />
        <span class="cut">{nameOfRole(props.server, props.id)}</span>
        <Show when={isLocked()}>
          <Icon name="lock" />
          <span class="unseen">{t("you cannot change it")}</span>
        </Show>
      </button>
      <Show when={itemsOf(props.server, props.id).length > 0}>
        <IconButton icon="more" label={t("More about {name}", { name: nameOfRole(props.server, props.id) })} onClick={menu} />
      </Show>
    </li>
  );
}

const colourOf = (role: Parameters<typeof colourOfRole>[0] | undefined) => role && colourOfRole(role);

function itemsOf(server: ServerId, id: RoleId): MenuItems {
  const items = stepItems(rolesInList(server), id);
  const others = orderOf(server).toReversed().filter((other) => other !== id);
  const above = others.filter((other) => mayMoveRole(server, id, landAbove(server, id, other)));
  if (above.length > 1) items.push({ label: t("Move to…"), icon: "drag", run: () => chooseAbove(server, id, above) });
  const role = state.servers[server]?.roles[id];
  if (role !== undefined && mayDelete(server, role)) {
    items.push(null, { label: t("Delete"), icon: "trash", danger: true, run: () => askDelete(server, id) });
  }
  return items;
}

/** The position that puts a role right above another one. */
function landAbove(server: ServerId, id: RoleId, other: RoleId): number {
  return orderOf(server).filter((role) => role !== id).indexOf(other) + 1;
}

function chooseAbove(server: ServerId, id: RoleId, above: readonly RoleId[]): void {
  const row = document.querySelector(`[data-role="${id}"]`);
  const items = above.map((other) => ({
    label: t("Above {name}", { name: nameOfRole(server, other) }),
    run: () => void moveRole(server, id, landAbove(server, id, other)),
  }));
  if (row !== null) openMenu(t("Move {name}", { name: nameOfRole(server, id) }), items, row);
}

function askDelete(server: ServerId, role_id: RoleId): void {
  ask({
    title: t("Delete “{name}”?", { name: nameOfRole(server, role_id) }),
    text: t("Those who have it lose what it allows, and channels lose their exceptions for it."),
    action: t("Delete"),
    danger: true,
    run: () => act(client.call("role_delete", server, { role_id })),
  });
}

function Create(props: { server: ServerId }) {
  const create = () => openDialog((close) => <CreateRole server={props.server} close={close} />);
  return (
    <Show when={standingIn(props.server).rank > 0}>
      <Button icon="plus" onClick={() => leave(create)}>{t("Create a role")}</Button>
    </Show>
  );
}
