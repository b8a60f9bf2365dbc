// What a server is called and says of itself; its owner may hand it over or delete it.
import { LIMITS, type Server, type ServerState } from "confab-client";
import { Show } from "solid-js";
import { client, state } from "../../app/client.ts";
import { useForm } from "../../app/form.ts";
import { currentServer } from "../../app/place.ts";
import { Button } from "../../kit/button.tsx";
import { openDialog } from "../../kit/dialog.tsx";
import { Area, Field, Switch } from "../../kit/field.tsx";
import { SaveBar, Section } from "../../kit/form.tsx";
import { t } from "../../lang/index.ts";
import { serverPermissions } from "../rights.ts";
import { DeleteServer, TransferServer } from "./end.tsx";

type Values = Pick<Server, "name" | "icon" | "description" | "discoverable">;

export default function Overview() {
  return <Show when={currentServer()?.server.server_id} keyed>{(id) => <Show when={state.servers[id]}>{(server) => <Page server={server()} />}</Show>}</Show>;
}

function Page(props: { server: ServerState }) {
  const { server_id } = props.server.server;
  const isOwner = () => props.server.server.owner_id === state.me?.user_id;
  return (
    <div>
      <Show when={serverPermissions(server_id).has("MANAGE_SERVER")}>
        <About server={props.server.server} />
      </Show>
      <Show when={isOwner()}>
        <Section title={t("Ownership")} description={t("The owner can do everything and ranks above everyone.")}>
          <Button onClick={() => openDialog((close) => <TransferServer server={server_id} close={close} />)}>{t("Hand the server over…")}</Button>
        </Section>
        <Section title={t("Delete the server")} description={t("It is deleted for everyone, with its channels and everything said in them.")}>
          <Button kind="danger" onClick={() => openDialog((close) => <DeleteServer server={server_id} close={close} />)}>{t("Delete the server…")}</Button>
        </Section>
      </Show>
    </div>
  );
}

function About(props: { server: Server }) {
  const { server_id } = props.server;
  const form = useForm<Values>({
    start: () => {
      const { name, icon, description, discoverable } = props.server;
      return { name, icon, description, discoverable };
    },
    check: ({ name }) => ({ name: name.trim() === "" ? t("Enter a name.") : undefined }),
    invalid: { icon: () => t("This is not an address that begins with https://.") },
    save: (changed) => client.call("server_update", server_id, changed),
  });
  return (
    <form {...form.root}>
      <Section title={t("About the server")}>
        <Field label={t("Name")} maxlength={LIMITS.MAX_TITLE_CHARS} autocomplete="off" {...form.text("name")} />
        <Area label={t("Description")} hint={t("Shown with invites, and where servers are found.")} maxlength={LIMITS.MAX_DESCRIPTION_CHARS} {...form.text("description")} />
        <Field
          label={t("Address of the icon")}
          hint={t("It begins with https://. Only pictures of this deployment are shown here; without one there are the initials.")}
          type="url"
          maxlength={LIMITS.MAX_PICTURE_BYTES}
          autocomplete="off"
          {...form.text("icon")}
        />
        <Switch label={t("Anyone can find it")} hint={t("Anyone with an account on this deployment can find the server and join it.")} {...form.toggle("discoverable")} />
      </Section>
      <SaveBar form={form} />
    </form>
  );
}
