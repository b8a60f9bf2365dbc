import { Show } from "solid-js";
import { state } from "../../app/client.ts";
import { Icon } from "../../kit/icon.tsx";
import { t, tn } from "../../lang/index.ts";
import { panel, togglePanel } from "../panel.ts";

/** In the list: what calls upon the reader, in all servers. */
export function InboxEntry() {
  const count = () => state.mentions.length;
  return (
    <button
      type="button"
      class="list-row inbox"
      classList={{ unread: count() > 0 }}
      aria-label={count() > 0 ? `${t("Inbox")}, ${tn("{count} mentions", count())}` : t("Inbox")}
      aria-pressed={panel() === "inbox"}
      onClick={() => togglePanel("inbox")}
    >
      <Icon name="inbox" />
      <span class="cut">{t("Inbox")}</span>
      <Show when={count() > 0}>
        <span class="badge" data-count={count() > 99 ? "99+" : count()} />
      </Show>
    </button>
  );
}
