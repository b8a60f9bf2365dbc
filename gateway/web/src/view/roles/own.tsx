// Roles that everyone may take, and lay down again.
import type { Role, ServerId } from "confab-client";
import { createSignal, For, Show } from "solid-js";
import { sentenceOf } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { Dialog } from "../../kit/dialog.tsx";
import { Switch } from "../../kit/field.tsx";
import { t } from "../../lang/index.ts";
import { rolesOf } from "./names.ts";

const rolesToTake = (server: ServerId): Role[] => rolesOf(server).filter(({ self_assignable }) => self_assignable);

export function OwnRoles(props: { server: ServerId; close: () => void }) {
  const [error, setError] = createSignal<string>();
  const headings = () => [...new Set(rolesToTake(props.server).map(({ category }) => category))];
  const held = () => {
    const me = state.me?.user_id;
    return me === undefined ? [] : (state.servers[props.server]?.members[me]?.roles ?? []);
  };
  const set = async ({ role_id }: Role, on: boolean) => {
    setError(undefined);
    await client.call(on ? "self_role_add" : "self_role_remove", props.server, { role_id }).catch((refusal: unknown) => setError(sentenceOf(refusal)));
  };
  return (
    <Dialog title={t("Roles for you")} onClose={props.close}>
      <Show when={error()}>{(text) => <p class="error" role="alert">{text()}</p>}</Show>
      <For each={headings()} fallback={<p class="second">{t("There is no role here that you can take.")}</p>}>
        {(heading) => (
          <section>
            <Show when={heading}>{(name) => <h3>{name()}</h3>}</Show>
            <For each={rolesToTake(props.server).filter(({ category }) => category === heading)}>
              {(role) => <Switch label={role.name} checked={held().includes(role.role_id)} onChange={(on) => void set(role, on)} />}
            </For>
          </section>
        )}
      </For>
    </Dialog>
  );
}
