// Which role its page shows.
import type { RoleId, ServerId } from "confab-client";
import { createSignal } from "solid-js";
import { openServerPage } from "../server/open.ts";

const [chosenRole, setChosenRole] = createSignal<RoleId>();
export { chosenRole, setChosenRole };

/** Opens the page of a role. */
export function openRole(server: ServerId, role?: RoleId): void {
  openServerPage(server, "roles", () => setChosenRole(role));
}
