// A conversation in small: what the choices on the page do to messages.
import { state } from "../../app/client.ts";
import { time } from "../../lang/dates.ts";
import { t } from "../../lang/index.ts";
import { Avatar } from "../people/avatar.tsx";

/** It stands for messages and is none: hidden from who has it read out. */
export function Preview() {
  const noon = new Date().setHours(14, 5, 0, 0);
  const rows = () => [
    { id: 7 * 4096, name: "Mika", text: t("Is anyone at the office today?"), mine: false, at: noon },
    { id: state.me?.user_id ?? 0, name: state.me?.name ?? "", text: t("Yes, until six."), mine: true, at: noon + 120_000 },
  ];
  return (
    <div class="preview" aria-hidden="true">
      {rows().map((row) => (
        <div class="row first" classList={{ mine: row.mine }}>
          <span class="row-avatar"><Avatar id={row.id} name={row.name} size={40} /></span>
          <div class="row-head">
            <span class="author cut">{row.name}</span>
            <time class="meta">{time(row.at)}</time>
          </div>
          <div class="row-body"><div class="markdown"><p>{row.text}</p></div></div>
        </div>
      ))}
    </div>
  );
}
