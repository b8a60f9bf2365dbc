import type { ChannelState, Message } from "confab-client";
import { createMemo, createSignal, onMount } from "solid-js";
import { composing } from "../../kit/composing.ts";
import { onEscape } from "../../kit/escape.ts";
import { rememberFocus } from "../../kit/focus.ts";
import { Button } from "../../kit/button.tsx";
import { t } from "../../lang/index.ts";
import { Grow } from "../composer/grow.tsx";
import { charactersLeft, Limit } from "../composer/limit.tsx";
import { state } from "../../app/client.ts";
import { toWritten } from "../../text/mentions.ts";
import { calledIn } from "../composer/complete.ts";
import { named } from "../composer/naming.ts";
import type { Suggestion } from "../composer/asked.ts";
import { shownName } from "../people/names.ts";
import { edit, remove, setEditing } from "./deeds.ts";

/** A message while its author changes it, in its row. */
export function EditBox(props: { message: Message; channel: ChannelState }) {
  const mentioned = mentionedIn(props.message, props.channel);
  const [text, setText] = createSignal(toWritten(props.message.content, [...mentioned, ...calledIn(props.channel)]));
  let area!: HTMLTextAreaElement;
  const giveBack = rememberFocus();
  const close = () => {
    setEditing(undefined);
    giveBack();
  };
  const left = createMemo(() => charactersLeft(text()));
  onEscape(close, { covers: false });
  onMount(() => {
    area.focus();
    area.setSelectionRange(text().length, text().length);
  });
  const save = async () => {
    if (left() < 0) return;
    const next = await named(props.channel, text().trim(), mentioned);
    if (next === "") remove(props.channel, props.message);
    else if (next !== props.message.content && !(await edit(props.channel, props.message, next))) return;
    close();
  };
  return (
    <form
      class="edit"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <Grow
        ref={(element) => (area = element)}
        label={t("Edit message")}
        value={text()}
        onInput={setText}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || composing(event)) return;
          event.preventDefault();
          void save();
        }}
      />
      <Limit left={left()} />
      <div class="edit-actions">
        <Button onClick={close}>{t("Cancel")}</Button>
        <Button kind="accent" submit disabled={left() < 0}>{t("Save")}</Button>
      </div>
    </form>
  );
}

/** Those whom the message names already: by the same name they stay who they are. */
function mentionedIn({ mentions }: Message, { server_id }: ChannelState): (Suggestion & { sent: string })[] {
  return mentions.flatMap((id) => {
    const known = state.users[id as never] !== undefined;
    const name = shownName(id as never, server_id);
    return known ? [{ name, text: `@${name}`, sent: `<@${id}>` }] : [];
  });
}
