// One role: what it is called and looks like, and what it permits.
import { holds, LIMITS, type Role, type RoleId, type ServerId } from "confab-client";
import { Show } from "solid-js";
import { client, state } from "../../app/client.ts";
import { useForm, type Form } from "../../app/form.ts";
import { Field, Switch } from "../../kit/field.tsx";
import { ColourField, SaveBar, Section } from "../../kit/form.tsx";
import { say, t, type Sentence } from "../../lang/index.ts";
import { PermissionGroups } from "../permissions/groups.tsx";
import { GROUPS } from "../permissions/words.ts";
import { isBelowMe, mayBeTaken, standingIn } from "../rank/may.ts";
import { obstacleTo, type Obstacle } from "../rank/rules.ts";
import { isEveryone } from "./names.ts";

type Values = Pick<Role, "name" | "hoist" | "mentionable" | "self_assignable" | "permissions"> & { colour: number; category: string };

const REASONS: Record<Obstacle, Sentence> = {
  rank: "This role is as high as yours, or higher.",
  lacking: "You cannot give or take what you do not have yourself.",
  self_assignable: "A role that anyone can take cannot allow this.",
};

export function RoleForm(props: { server: ServerId; role: RoleId }) {
  const { server, role: role_id } = props;
  const role = () => state.servers[server]?.roles[role_id];
  return <Show when={role()}>{(known) => <Known server={server} role={known()} />}</Show>;
}

function Known(props: { server: ServerId; role: Role }) {
  const { role_id } = props.role;
  const { server } = props;
  const isLocked = () => !isBelowMe(server, props.role);
  const form = useForm<Values>({
    start: () => valuesOf(props.role),
    check: ({ name }) => ({ name: name.trim() === "" ? t("Enter a name.") : undefined }),
    save: (changed) => client.call("role_update", server, { role_id, ...changed }),
  });
  return (
    <form {...form.root}>
      <Show when={isLocked()}>
        <p class="second">{say(REASONS.rank)}</p>
      </Show>
      <Show when={!isEveryone(server, role_id)}>
        <Looks form={form} isLocked={isLocked()} mayBeTaken={mayBeTaken(server, props.role, props.role.permissions | form.values().permissions)} />
      </Show>
      <Section title={t("Permissions")} description={isEveryone(server, role_id) ? t("What every member can do, with or without roles.") : undefined}>
        <PermissionGroups groups={GROUPS}>
          {({ title, sentence }, bit) => {
            const obstacle = () => obstacleTo(bit, { ...props.role, self_assignable: form.values().self_assignable }, standingIn(server));
            const reason = () => {
              const found = obstacle();
              return found === undefined || found === "rank" ? say(sentence) : say(REASONS[found]);
            };
            return (
              <Switch
                label={say(title)}
                hint={reason()}
                checked={holds(form.values().permissions, bit)}
                disabled={obstacle() !== undefined}
                onChange={() => form.set("permissions", form.values().permissions ^ bit)}
              />
            );
          }}
        </PermissionGroups>
      </Section>
      <SaveBar form={form} />
    </form>
  );
}

function Looks(props: { form: Form<Values>; isLocked: boolean; mayBeTaken: boolean }) {
  const { form } = props;
  const taking = () => form.values().self_assignable;
  return (
    <Section title={t("Role")}>
      <Field label={t("Name")} maxlength={LIMITS.MAX_TITLE_CHARS} autocomplete="off" disabled={props.isLocked} {...form.text("name")} />
      <ColourField label={t("Colour")} hint={t("Names have the colour of the highest role that has one.")} disabled={props.isLocked} {...form.pick("colour")} />
      <Switch label={t("Own heading")} hint={t("The member list shows those who have it under its name.")} disabled={props.isLocked} {...form.toggle("hoist")} />
      <Switch label={t("Anyone can mention it")} disabled={props.isLocked} {...form.toggle("mentionable")} />
      <Switch
        label={t("Anyone can take it")}
        hint={taking() || props.mayBeTaken ? t("Members can take it and give it up themselves. It gives no rank.") : t("It allows too much for that, in the server or in a channel.")}
        disabled={props.isLocked || !(taking() || props.mayBeTaken)}
        {...form.toggle("self_assignable")}
      />
      <Field
        label={t("Heading in lists of roles")}
        hint={t("Roles that belong together, like colours or places. Can be empty.")}
        maxlength={LIMITS.MAX_TITLE_CHARS}
        autocomplete="off"
        disabled={props.isLocked}
        {...form.text("category")}
      />
    </Section>
  );
}

const valuesOf = ({ name, colour, hoist, mentionable, self_assignable, category, permissions }: Role): Values => ({
  name,
  colour: colour ?? 0,
  hoist,
  mentionable,
  self_assignable,
  category: category ?? "",
  permissions,
});
