// The invites of a server: who made them, who came by them, and an end to them.
import type { Invite, ServerId } from "confab-client";
import { Show } from "solid-js";
import { act } from "../../app/act.ts";
import { client } from "../../app/client.ts";
import { minute } from "../../app/clock.ts";
import { pageBehind, paged } from "../../app/paged.ts";
import { currentServer } from "../../app/place.ts";
import { Button } from "../../kit/button.tsx";
import { ask, openDialog } from "../../kit/dialog.tsx";
import { Table } from "../../kit/table.tsx";
import { moment } from "../../lang/dates.ts";
import { t } from "../../lang/index.ts";
import { PersonName } from "../people/person-name.tsx";
import { CopyButton } from "./copy.tsx";
import { invite } from "./open.ts";
import { isOpen, linkOf } from "./terms.ts";
import { showUses } from "./uses.tsx";
import "./invites.css";

const PAGE = 100;

export default function Invites() {
  return <Show when={currentServer()?.server.server_id} keyed>{(server) => <List server={server} />}</Show>;
}

function List(props: { server: ServerId }) {
  const { server } = props;
  const invites = paged<Invite, string>(async (after) => {
    const page = await client.call("invite_list", server, { after, limit: PAGE });
    client.meet(page.invites.map(({ creator_id }) => creator_id), server);
    return pageBehind(page.invites, PAGE, ({ code }) => code);
  });
  return (
    <>
      <p class="page-deed">
        <Button kind="accent" icon="plus" onClick={() => invite(server, invites.again)}>{t("Invite people")}</Button>
      </p>
      <InviteTable scope={server} invites={invites} />
    </>
  );
}

/** Also that of the codes of the deployment. */
export function InviteTable(props: { scope: ServerId | 0; invites: ReturnType<typeof paged<Invite, string>> }) {
  const revoke = (code: string) =>
    ask({
      title: t("Revoke this invite?"),
      text: t("Nobody can use it any more. Those who joined with it stay."),
      action: t("Revoke"),
      danger: true,
      run: async () => {
        if (!(await act(client.call("invite_revoke", props.scope, { code })))) return;
        props.invites.change((rows) => rows.map((row) => (row.code === code ? { ...row, revoked: true } : row)));
      },
    });
  const server = () => (props.scope === 0 ? undefined : props.scope);
  return (
    <Table<Invite>
      label={t("Invites")}
      empty={t("There are no invites.")}
      rows={props.invites.rows()}
      error={props.invites.error()}
      onMore={props.invites.more()}
      busy={props.invites.busy()}
      columns={[
        { title: t("Code"), names: true, brief: true, cell: (row) => <code>{row.code}</code> },
        { title: t("Created by"), cell: (row) => <PersonName user={row.creator_id} server={server()} /> },
        { title: t("Made"), brief: true, cell: (row) => moment(row.created_at, minute()) },
        { title: t("Used"), figures: true, cell: (row) => <Uses row={row} scope={props.scope} /> },
        { title: t("Valid until"), brief: true, cell: (row) => stateOf(row, minute()) },
        {
          title: t("Actions"),
          quiet: true,
          cell: (row) => (
            <Show when={isOpen(row, minute())}>
              <span class="cell-deeds">
                <CopyButton text={linkOf(row.code)} label={t("Copy the link of {code}", { code: row.code })} />
                <Button kind="quiet" aria-label={t("Revoke {code}", { code: row.code })} onClick={() => revoke(row.code)}>{t("Revoke")}</Button>
              </span>
            </Show>
          ),
        },
      ]}
    />
  );
}

function Uses(props: { row: Invite; scope: ServerId | 0 }) {
  const text = () =>
    props.row.max_uses === null ? String(props.row.uses) : t("{uses} of {most}", { uses: props.row.uses, most: props.row.max_uses });
  return (
    <Show when={props.row.uses > 0} fallback={text()}>
      <button
        type="button"
        class="inline"
        aria-label={`${text()}: ${t("Who used it")}`}
        onClick={() => openDialog((close) => showUses({ scope: props.scope, code: props.row.code, close }))}
      >
        {text()}
      </button>
    </Show>
  );
}

function stateOf(invite: Invite, now: number): string {
  if (invite.revoked) return t("Revoked");
  if (invite.max_uses !== null && invite.uses >= invite.max_uses) return t("Used up");
  if (invite.expires_at === null) return t("No expiry");
  return invite.expires_at <= now ? t("Expired") : moment(invite.expires_at, now);
}
