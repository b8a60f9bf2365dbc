// A link that invites: it is there as soon as the dialog is, and is made anew where it shall last otherwise.
import { LIMITS, type ServerId, type SignUp } from "confab-client";
import { createResource, createSignal, Show } from "solid-js";
import { sentenceOf } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { now } from "../../app/clock.ts";
import { Button } from "../../kit/button.tsx";
import { Dialog } from "../../kit/dialog.tsx";
import { Field } from "../../kit/field.tsx";
import { Select } from "../../kit/form.tsx";
import { Icon } from "../../kit/icon.tsx";
import { t, tn } from "../../lang/index.ts";
import { span } from "../../lang/spans.ts";
import { openServerPage } from "../server/open.ts";
import { CopyButton } from "./copy.tsx";
import { fits, FIRST, LASTS, linkOf, USES, type Terms } from "./terms.ts";
import "./invites.css";

/** Of a server, or with 0 one that only opens an account. */
export function InviteDialog(props: { server: ServerId | 0; close: () => void }) {
  const [terms, setTerms] = createSignal(FIRST);
  const [code, { refetch }] = createResource(terms, (wanted) => codeFor(props.server, wanted));
  const [deployment] = createResource(() => client.call("deployment_info", 0, {}));
  const title = () => {
    if (props.server === 0) return t("A link for an account");
    return t("Invite people to {server}", { server: state.servers[props.server]?.server.name ?? "" });
  };
  const link = () => (code.error === undefined && code() !== undefined ? linkOf(code() ?? "") : "");
  const choose = (changed: Partial<Terms>) => setTerms((before) => ({ ...before, ...changed }));
  const toAll = (server: ServerId) => {
    props.close();
    openServerPage(server, "invites");
  };
  return (
    <Dialog title={title()} onClose={props.close}>
      <div class="invite-link">
        <Field
          label={t("Send them this link")}
          readonly
          value={code.loading ? "" : link()}
          error={code.error === undefined ? undefined : sentenceOf(code.error)}
          onFocus={(event) => event.currentTarget.select()}
        />
        <Show when={code.error === undefined} fallback={<Button onClick={() => void refetch()}>{t("Retry")}</Button>}>
          <CopyButton kind="accent" text={link()} disabled={code.loading} />
        </Show>
      </div>
      <div class="invite-terms">
        <Select
          label={t("Valid for")}
          value={String(terms().lasts)}
          options={LASTS.map((value) => ({ value: String(value), label: value === null ? t("No expiry") : span(value) }))}
          onChange={(value) => choose({ lasts: numberOf(value) })}
        />
        <Select
          label={t("How many can use it")}
          value={String(terms().uses)}
          options={USES.map((value) => ({ value: String(value), label: value === null ? t("Any number") : tn("{count} people", value) }))}
          onChange={(value) => choose({ uses: numberOf(value) })}
        />
      </div>
      <Show
        when={props.server !== 0 && props.server}
        fallback={<p class="second">{t("Anyone who opens it can create an account here, without joining a server.")}</p>}
      >
        {(server) => (
          <>
            <Show when={deployment.error === undefined && deployment()}>{(known) => <WhoMayCome signup={known().signup} server={server()} />}</Show>
            <p class="second">
              <button type="button" class="inline" onClick={() => toAll(server())}>{t("All invites")}</button>
            </p>
          </>
        )}
      </Show>
    </Dialog>
  );
}

/** Whether the link is all that somebody needs who has no account yet; where it is not, that stands out. */
function WhoMayCome(props: { signup: SignUp; server: ServerId }) {
  const own = () => state.servers[props.server]?.server.owner_id === state.me?.user_id && state.me?.admin === true;
  const suffices = () => props.signup === "open" || (props.signup === "invite" && own());
  return (
    <Show when={suffices()} fallback={<p class="invite-limit"><Icon name="info" /> {whatIsMissing(props.signup)}</p>}>
      <p class="second">{t("This link is all they need: it lets them create an account here, too.")}</p>
    </Show>
  );
}

function whatIsMissing(signup: SignUp): string {
  if (signup === "closed") return t("Only for people who have an account here: new ones cannot be created right now.");
  return t("Only for people who have an account here. Anyone else also needs a code for one, from the administrators of {host}.", { host: location.host });
}

const numberOf = (value: string): number | null => (value === "null" ? null : Number(value));

/** A code of one's own that is like that and still fresh, or else a new one. */
async function codeFor(server: ServerId | 0, terms: Terms): Promise<string> {
  const { invites } = await client.call("invite_list", server, { limit: LIMITS.MAX_PAGE });
  const known = invites.find((invite) => fits(invite, terms, state.me?.user_id ?? 0, now()));
  if (known !== undefined) return known.code;
  const { code } = await client.call("invite_create", server, { max_uses: terms.uses, expires_in: terms.lasts });
  return code;
}
