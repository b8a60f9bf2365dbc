import type { InviteUse, ServerId, UserId } from "confab-client";
import { client } from "../../app/client.ts";
import { minute } from "../../app/clock.ts";
import { pageBehind, paged } from "../../app/paged.ts";
import { Dialog } from "../../kit/dialog.tsx";
import { Table } from "../../kit/table.tsx";
import { moment } from "../../lang/dates.ts";
import { t } from "../../lang/index.ts";

const PAGE = 100;

/** Who came by a code, the last one first. */
export function showUses(props: { scope: ServerId | 0; code: string; close: () => void }) {
  const uses = paged<InviteUse, UserId>(async (after) => {
    const page = await client.call("invite_uses", props.scope, { code: props.code, after, limit: PAGE });
    return pageBehind(page.uses, PAGE, ({ user }) => user.user_id);
  });
  return (
    <Dialog title={t("Who used it")} onClose={props.close}>
      <Table<InviteUse>
        label={t("Who used it")}
        empty={t("Nobody has used it yet.")}
        rows={uses.rows()}
        error={uses.error()}
        onMore={uses.more()}
        busy={uses.busy()}
        columns={[
          { title: t("Name"), names: true, cell: ({ user }) => (user.deleted ? t("Deleted account") : user.name) },
          { title: t("When"), brief: true, cell: ({ used_at }) => moment(used_at, minute()) },
        ]}
      />
    </Dialog>
  );
}
