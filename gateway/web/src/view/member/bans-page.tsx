// Who is banned from the server, on which terms, and a way back for him.
import type { Ban, ServerId, UserId } from "confab-client";
import { Show } from "solid-js";
import { act } from "../../app/act.ts";
import { client } from "../../app/client.ts";
import { minute } from "../../app/clock.ts";
import { pageBehind, paged } from "../../app/paged.ts";
import { currentServer } from "../../app/place.ts";
import { Button } from "../../kit/button.tsx";
import { ask } from "../../kit/dialog.tsx";
import { Table } from "../../kit/table.tsx";
import { moment } from "../../lang/dates.ts";
import { t } from "../../lang/index.ts";
import { PersonName } from "../people/person-name.tsx";

const PAGE = 100;

export default function BansPage() {
  return <Show when={currentServer()?.server.server_id} keyed>{(server) => <List server={server} />}</Show>;
}

const nameOf = ({ user }: Ban): string => {
  if (user.deleted) return t("Deleted account");
  return user.name === "" ? t("Account {id}", { id: user.user_id }) : user.name;
};

function List(props: { server: ServerId }) {
  const { server } = props;
  const bans = paged<Ban, UserId>(async (after) => {
    const page = await client.call("users_banned_list", server, { after, limit: PAGE });
    client.meet(page.bans.flatMap(({ terms }) => terms.banned_by ?? []), server);
    return pageBehind(page.bans, PAGE, ({ user }) => user.user_id);
  });
  const lift = (ban: Ban) =>
    ask({
      title: t("Lift the ban of {name}?", { name: nameOf(ban) }),
      text: t("{name} can come back with an invite.", { name: nameOf(ban) }),
      action: t("Lift"),
      run: async () => {
        const done = await act(client.call("user_unban", server, { user_id: ban.user.user_id }));
        if (done) bans.change((rows) => rows.filter((row) => row.user.user_id !== ban.user.user_id));
      },
    });
  return (
    <Table<Ban>
      label={t("Bans")}
      empty={t("Nobody is banned.")}
      rows={bans.rows()}
      error={bans.error()}
      onMore={bans.more()}
      busy={bans.busy()}
      columns={[
        { title: t("Name"), names: true, cell: nameOf },
        { title: t("Why"), cell: ({ terms }) => terms.reason },
        {
          title: t("By"),
          cell: ({ terms }) => (
            <Show when={terms.banned_by} fallback={t("A rule")}>{(by) => <PersonName user={by()} server={server} />}</Show>
          ),
        },
        { title: t("When"), brief: true, cell: ({ terms }) => moment(terms.banned_at, minute()) },
        { title: t("Until"), brief: true, cell: ({ terms }) => (terms.until === null ? t("Forever") : moment(terms.until, minute())) },
        {
          title: t("Actions"),
          quiet: true,
          cell: (row) => <Button aria-label={t("Lift the ban of {name}", { name: nameOf(row) })} onClick={() => lift(row)}>{t("Lift")}</Button>,
        },
      ]}
    />
  );
}
