import type { ChannelState, Message } from "confab-client";
import { createSignal, onMount } from "solid-js";
import { onEscape } from "../../kit/escape.ts";
import { Button } from "../../kit/button.tsx";
import { t } from "../../lang/index.ts";
import { Grow } from "../composer/grow.tsx";
import { toSent, toWritten } from "../../text/mentions.ts";
import { calledIn } from "../composer/complete.ts";
import { composing } from "../keys.ts";
import { edit, remove, setEditing } from "./deeds.ts";

/** A message while its author changes it, in its row. */
export function EditBox(props: { message: Message; channel: ChannelState }) {
  const [text, setText] = createSignal(toWritten(props.message.content, calledIn(props.channel)));
  let area!: HTMLTextAreaElement;
  const close = () => {
    setEditing(undefined);
    document.getElementById("composer")?.focus();
  };
  onEscape(close);
  onMount(() => {
    area.focus();
    area.setSelectionRange(text().length, text().length);
  });
  const save = async () => {
    const next = toSent(text().trim(), calledIn(props.channel));
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
      <div class="edit-actions">
        <Button onClick={close}>{t("Cancel")}</Button>
        <Button kind="accent" submit>{t("Save")}</Button>
      </div>
    </form>
  );
}
