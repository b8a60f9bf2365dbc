// What somebody is called in a server, and the roles he holds.
import { LIMITS, type RoleId, type ServerState, type UserId } from "confab-client";
import { Show } from "solid-js";
import { client, state } from "../../app/client.ts";
import { useForm } from "../../app/form.ts";
import { Checks } from "../../kit/checks.tsx";
import { Field } from "../../kit/field.tsx";
import { FormDialog } from "../../kit/form-dialog.tsx";
import { t } from "../../lang/index.ts";
import { Coloured } from "../people/name.tsx";
import { shownName } from "../people/names.ts";
import { changeableRoles } from "../rank/may.ts";
import { colourOfRole } from "../roles/names.ts";
import { Reason } from "./reason.tsx";

interface ChangeProps {
  server: ServerState;
  user: UserId;
  close: () => void;
}

export function Rename(props: ChangeProps) {
  const { name: server, server_id } = props.server.server;
  const own = props.user === state.me?.user_id;
  const name = state.users[props.user]?.name ?? "";
  const form = useForm({
    start: () => ({ nickname: props.server.members[props.user]?.nickname ?? "" }),
    save: async (_, values) => {
      const whom = own ? {} : { user_id: props.user };
      const nickname = values.nickname.trim();
      await (nickname === "" ? client.call("nickname_remove", server_id, whom) : client.call("nickname_update", server_id, { nickname, ...whom }));
      props.close();
    },
  });
  return (
    <FormDialog title={own ? t("Your nickname here") : t("Nickname of {name}", { name })} form={form} action={t("Save")} close={props.close}>
      <Field
        label={t("Nickname")}
        hint={t("Only in {server}. Leave it empty to go by {name}.", { server, name })}
        autofocus
        autocomplete="off"
        maxlength={LIMITS.MAX_NICKNAME_CHARS}
        {...form.text("nickname")}
      />
    </FormDialog>
  );
}

export function ChangeRoles(props: ChangeProps) {
  const { server_id } = props.server.server;
  const { user } = props;
  const held = () => state.servers[server_id]?.members[user]?.roles ?? [];
  const offered = () => changeableRoles(server_id, user).map(({ role_id }) => role_id);
  const before = [...held()];
  const form = useForm<{ roles: RoleId[]; reason: string }>({
    start: () => ({ roles: before, reason: "" }),
    // Only what differs is sent: what others give and take meanwhile stays.
    save: async (_, { roles: wanted, reason }) => {
      const given = offered().filter((role) => wanted.includes(role) && !held().includes(role));
      const taken = offered().filter((role) => !wanted.includes(role) && held().includes(role));
      const order = { user_id: user, reason: reason.trim() };
      if (given.length > 0) await client.call("user_roles_add", server_id, { ...order, roles: given });
      if (taken.length > 0) await client.call("user_roles_remove", server_id, { ...order, roles: taken });
      props.close();
    },
  });
  return (
    <FormDialog title={t("Roles of {name}", { name: shownName(user, server_id) })} form={form} action={t("Save")} close={props.close}>
      <Checks label={t("Roles")} ids={offered()} {...form.pick("roles")}>
        {(role) => <RoleName server={props.server} role={role} />}
      </Checks>
      <Reason form={form} />
    </FormDialog>
  );
}

function RoleName(props: { server: ServerState; role: RoleId }) {
  return <Show when={props.server.roles[props.role]}>{(role) => <Coloured colour={colourOfRole(role())} class="cut">{role().name}</Coloured>}</Show>;
}
