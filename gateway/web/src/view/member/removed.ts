// Whoever is put out of a server is told so at once, wherever he is: else it would only be gone.
import { createEffect, createRoot } from "solid-js";
import { forgetWithAccount } from "../../app/account.ts";
import { client, state } from "../../app/client.ts";
import { toast } from "../../kit/toast.tsx";
import { t } from "../../lang/index.ts";

/** What servers were called: an event that ends a membership takes the server with it. */
const names = new Map<number, string>();
forgetWithAccount(() => names.clear());

createRoot(() => {
  createEffect(() => {
    for (const { server } of Object.values(state.servers)) names.set(server.server_id, server.name);
  });
});

client.on("event", ({ event }) => {
  if (event.name !== "server_left") return;
  const { server_id, cause } = event.body;
  const server = names.get(server_id) ?? t("a server");
  names.delete(server_id);
  if (cause === "kicked") toast({ text: () => t("You were removed from {server}. You can come back with an invite.", { server }), until: Infinity });
  if (cause === "banned") toast({ text: () => t("You were banned from {server}.", { server }), until: Infinity });
});
