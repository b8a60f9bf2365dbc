// The other half of the page before sign-in: whose house this is, and what comes next.
import type { Deployment, InvitePreview } from "confab-client";
import { Show } from "solid-js";
import { t } from "../../lang/index.ts";
import { Avatar } from "../people/avatar.tsx";

export function AboutDeployment(props: { deployment: Deployment }) {
  return (
    <>
      <h2 class="title">{props.deployment.name}</h2>
      <p>
        {props.deployment.signup === "open"
          ? t("Anyone can create an account here.")
          : props.deployment.signup === "invite"
            ? t("You need an invite to create an account here.")
            : t("New accounts cannot be created here right now.")}
      </p>
    </>
  );
}

export function AboutFirst() {
  return (
    <>
      <h2 class="title">{t("Nobody is here yet.")}</h2>
      <p>{t("The first account administers this deployment and decides who else can join.")}</p>
      <h3>{t("Next")}</h3>
      <ol class="steps">
        <li>{t("Name a server: a place with channels for one group of people.")}</li>
        <li>{t("Invite them with a link.")}</li>
      </ol>
    </>
  );
}

export function AboutInvite(props: { preview: InvitePreview }) {
  return (
    <Show
      when={props.preview.server}
      fallback={
        <>
          <h2 class="title invitation">{t("You are invited.")}</h2>
          <p>{t("This invite lets you create an account here.")}</p>
        </>
      }
    >
      {(server) => (
        <>
          <p class="second invitation">{t("You are invited to")}</p>
          <p class="invited-to">
            <Avatar id={server().server_id} name={server().name} picture={server().icon} size={48} square />
            <span class="title">{server().name}</span>
          </p>
          <p>{server().description}</p>
        </>
      )}
    </Show>
  );
}
