// How many reports of a server are open. Nobody is told of new ones, so it is asked for: when a server is shown to
// whoever may list them, and when they were looked at.
import { LIMITS, type ServerId } from "confab-client";
import { createEffect, createMemo, createRoot, createSignal, on } from "solid-js";
import { forgetWithAccount } from "../../app/account.ts";
import { client, state } from "../../app/client.ts";
import { currentServer } from "../../app/place.ts";
import { mayList } from "./may.ts";

const [counts, setCounts] = createSignal<Readonly<Record<number, number>>>({});
forgetWithAccount(() => setCounts({}));

export const openReports = (server: ServerId): number => counts()[server] ?? 0;

/** More than a page of them are not counted. */
export async function countReports(server: ServerId): Promise<void> {
  const reports = await client.call("reports_list", server, { limit: LIMITS.MAX_REPORT_PAGE }).then(({ reports }) => reports, () => undefined);
  if (reports !== undefined) setCounts((before) => ({ ...before, [server]: reports.length }));
}

createRoot(() => {
  const shown = createMemo(() => {
    const server = currentServer();
    if (server?.loaded !== true || state.connection.state !== "open") return undefined;
    return mayList(server) ? server.server.server_id : undefined;
  });
  createEffect(on(shown, (server) => server !== undefined && void countReports(server)));
});
