// A page of a server's settings. They are always those of the server that is shown.
import type { ServerId } from "confab-client";
import { currentServer, openServer } from "../../app/place.ts";
import { leave } from "../../kit/unsaved.ts";
import { showLayer } from "../panel.ts";

/** Opens it; `choose` says what it is to show. The reader may stay, where he is and with what he did not save. */
export function openServerPage(server: ServerId, page?: string, choose: () => void = () => undefined): void {
  leave(() => {
    if (currentServer()?.server.server_id !== server) openServer(server);
    choose();
    showLayer("server", page);
  });
}
