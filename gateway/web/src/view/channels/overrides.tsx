// Who may do otherwise in a channel: of a role or a member, for each permission that means something there.
import { holds, type AnyId, type ChannelState, type Override, type RoleId, type UserId } from "confab-client";
import { For, Show } from "solid-js";
import { act } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { useForm } from "../../app/form.ts";
import { Button } from "../../kit/button.tsx";
import { Dialog, openDialog } from "../../kit/dialog.tsx";
import { SaveBar, Section, Segmented } from "../../kit/form.tsx";
import { openMenu, type MenuItems } from "../../kit/menu.tsx";
import { leave } from "../../kit/unsaved.ts";
import { say, t } from "../../lang/index.ts";
import { shownName } from "../people/names.ts";
import { PickMember } from "../people/pick.tsx";
import { PermissionGroups } from "../permissions/groups.tsx";
import { groupsIn } from "../permissions/words.ts";
import { permissions } from "../rights.ts";
import { colourOfRole, isEveryone, nameOfRole, rolesOf } from "../roles/names.ts";
import { isBelowMe, mayDo } from "../rank/may.ts";
import { openWhy } from "../why/open.tsx";
import { chosenTarget, setChosenTarget, type Target } from "./configure.ts";

type Word = "deny" | "inherit" | "allow";

export function Overrides(props: { channel: ChannelState }) {
  const { server_id } = props.channel;
  const everyone = (): Target => ({ kind: "role", target: (server_id as number) as AnyId });
  const chosen = () => chosenTarget() ?? everyone();
  /** Everyone, roles from the highest on, members; and who was just added. */
  const targets = (): Target[] => {
    const named = props.channel.overrides.map(({ kind, target }): Target => ({ kind, target }));
    const all = [everyone(), ...named, chosen()];
    const distinct = all.filter((one, index) => all.findIndex((other) => same(one, other)) === index);
    return distinct.sort((a, b) => order(props.channel, a) - order(props.channel, b));
  };
  return (
    <Section title={t("Permissions")} description={t("What roles and members can do here that differs from the rest of the server.")}>
      <div class="targets" role="group" aria-label={t("Of whom")}>
        <For each={targets()}>
          {(target) => (
            <button type="button" class="target" aria-pressed={same(target, chosen())} onClick={() => choose(target)}>
              <Show when={target.kind === "role"}>
                <span class="role-dot" style={{ "--role": dotOf(props.channel, target) }} />
              </Show>
              <span class="cut">{targetName(props.channel, target)}</span>
            </button>
          )}
        </For>
        <Button icon="plus" onClick={(event) => openMenu(t("Add"), toAdd(props.channel, targets()), event.currentTarget)}>{t("Add")}</Button>
      </div>
      <Show when={key(chosen())} keyed>
        <OneOverride channel={props.channel} target={chosen()} />
      </Show>
    </Section>
  );
}

const key = ({ kind, target }: Target) => `${kind} ${target}`;
const same = (one: Target, other: Target) => key(one) === key(other);
const choose = (target: Target | undefined) => leave(() => setChosenTarget(target));

/** Everyone first, then roles from the highest on, then members. */
function order({ server_id }: ChannelState, { kind, target }: Target): number {
  if (kind === "member") return Number.MAX_SAFE_INTEGER;
  return isEveryone(server_id, target as number as RoleId) ? -1 : rolesOf(server_id).findIndex(({ role_id }) => (role_id as number) === target);
}

function targetName({ server_id }: ChannelState, { kind, target }: Target): string {
  return kind === "role" ? nameOfRole(server_id, target as number as RoleId) : shownName(target as number as UserId, server_id);
}

function dotOf({ server_id }: ChannelState, { target }: Target): string | undefined {
  const role = state.servers[server_id]?.roles[target as number as RoleId];
  return role === undefined ? undefined : colourOfRole(role);
}

function toAdd(channel: ChannelState, known: readonly Target[]): MenuItems {
  const { server_id } = channel;
  const roles = rolesOf(server_id)
    .map((role) => ({ role, target: { kind: "role", target: role.role_id as number as AnyId } satisfies Target }))
    .filter(({ role, target }) => isBelowMe(server_id, role) && !known.some((other) => same(other, target)));
  return [
    { label: t("A member…"), icon: "person", run: () => pickMember(channel) },
    null,
    ...roles.map(({ role, target }) => ({ label: role.name, run: () => choose(target) })),
  ];
}

function pickMember({ server_id }: ChannelState): void {
  openDialog((close) => (
    <Dialog title={t("Permissions of a member")} onClose={close}>
      <PickMember
        server={server_id}
        label={t("Member")}
        fits={(user) => mayDo("override", server_id, user)}
        onPick={(user) => {
          close();
          choose({ kind: "member", target: user as number as AnyId });
        }}
      />
    </Dialog>
  ));
}

function OneOverride(props: { channel: ChannelState; target: Target }) {
  const { server_id, channel_id, kind } = props.channel;
  const { target } = props;
  const known = (): Override | undefined => props.channel.overrides.find((override) => same(override, target));
  const form = useForm({
    start: () => ({ allow: known()?.allow ?? 0, deny: known()?.deny ?? 0 }),
    save: (_changed, { allow, deny }) =>
      (allow | deny) === 0
        ? client.call("override_clear", server_id, { channel_id, ...target })
        : client.call("override_set", server_id, { channel_id, ...target, allow, deny }),
  });
  const wordOf = (bit: number): Word => (holds(form.values().allow, bit) ? "allow" : holds(form.values().deny, bit) ? "deny" : "inherit");
  const set = (bit: number, word: Word) => {
    const { allow, deny } = form.values();
    form.set("allow", word === "allow" ? allow | bit : allow & ~bit);
    form.set("deny", word === "deny" ? deny | bit : deny & ~bit);
  };
  const isLocked = () => !mayChange(props.channel, target);
  const clear = () => act(client.call("override_clear", server_id, { channel_id, ...target }));
  return (
    <form {...form.root} aria-label={t("Permissions of {name}", { name: targetName(props.channel, target) })}>
      <Show when={isLocked()}>
        <p class="second">{t("You cannot change members who rank as high as you, or higher.")}</p>
      </Show>
      <PermissionGroups groups={groupsIn(kind)}>
        {({ name, title, sentence }, bit) => {
          const lacks = () => !permissions(channel_id).has(name);
          return (
            <Segmented<Word>
              label={say(title)}
              hint={lacks() ? t("You cannot give or take what you do not have yourself.") : say(sentence)}
              disabled={isLocked() || lacks()}
              value={wordOf(bit)}
              options={[
                { value: "deny", label: t("Deny"), tone: "danger" },
                { value: "inherit", label: t("Inherit") },
                { value: "allow", label: t("Allow"), tone: "ok" },
              ]}
              onChange={(word) => set(bit, word)}
            />
          );
        }}
      </PermissionGroups>
      <div class="target-ways">
        <Show when={target.kind === "member"}>
          <Button icon="info" onClick={() => openWhy({ server: server_id, channel: channel_id, user: target.target as number as UserId })}>
            {t("What {name} can do here", { name: targetName(props.channel, target) })}
          </Button>
        </Show>
        <Show when={known() !== undefined && !isLocked()}>
          <Button icon="trash" onClick={() => void clear()}>{t("Clear all of it")}</Button>
        </Show>
      </div>
      <SaveBar form={form} />
    </form>
  );
}

/** A role of those that are gone is nobody's to ask about. */
function mayChange({ server_id }: ChannelState, { kind, target }: Target): boolean {
  if (kind === "member") return mayDo("override", server_id, target as number as UserId);
  const role = state.servers[server_id]?.roles[target as number as RoleId];
  return role === undefined || isBelowMe(server_id, role);
}
