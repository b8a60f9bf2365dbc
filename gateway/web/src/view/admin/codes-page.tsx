// Links that open an account and nothing else.
import type { Invite } from "confab-client";
import { client } from "../../app/client.ts";
import { pageBehind, paged } from "../../app/paged.ts";
import { Button } from "../../kit/button.tsx";
import { t } from "../../lang/index.ts";
import { invite } from "../invites/open.ts";
import { InviteTable } from "../invites/page.tsx";

const PAGE = 100;

export default function CodesPage() {
  const codes = paged<Invite, string>(async (after) => {
    const page = await client.call("invite_list", 0, { after, limit: PAGE });
    client.meet(page.invites.map(({ creator_id }) => creator_id));
    return pageBehind(page.invites, PAGE, ({ code }) => code);
  });
  return (
    <>
      <p class="second page-deed">{t("An invite you make to a server lets people create an account, too. A code from here is for an account only.")}</p>
      <p class="page-deed"><Button kind="accent" icon="plus" onClick={() => invite(0, codes.again)}>{t("New code")}</Button></p>
      <InviteTable scope={0} invites={codes} />
    </>
  );
}
