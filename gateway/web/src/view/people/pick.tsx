// Picking a member of a server by some letters of his name: those who are known at once, then whom the server finds.
import { LIMITS, type ServerId, type UserId } from "confab-client";
import { createEffect, createMemo, createSignal, on, Show } from "solid-js";
import { client, state } from "../../app/client.ts";
import { Field } from "../../kit/field.tsx";
import { comboboxOf, Options, useOptions } from "../../kit/options.tsx";
import { t } from "../../lang/index.ts";
import { rank } from "../shell/rank.ts";
import { Avatar } from "./avatar.tsx";
import { shownName } from "./names.ts";
import "./pick.css";

/** So many are shown: who is not among them needs another letter. */
const MOST = 8;

export interface PickMemberProps {
  server: ServerId;
  label: string;
  hint?: string;
  error?: string | undefined;
  /** Who may be picked. */
  fits?: (user: UserId) => boolean;
  onPick: (user: UserId) => void;
  /** It appears because somebody asked for it: he types at once. */
  focus?: boolean;
}

export function PickMember(props: PickMemberProps) {
  const [text, setText] = createSignal("");
  const [more, setMore] = createSignal<readonly UserId[]>([]);
  const known = () => Object.keys(state.servers[props.server]?.members ?? {}).map((id) => Number(id) as UserId);
  const found = createMemo(() => {
    const fits = [...new Set([...known(), ...more()])].filter((user) => props.fits?.(user) ?? true);
    return rank(fits, text(), (user) => shownName(user, props.server)).slice(0, MOST);
  });
  const list = useOptions<UserId>({ all: found, take: (user) => props.onPick(user) });
  createEffect(
    on(text, async (asked) => {
      const prefix = asked.trim().slice(0, LIMITS.MAX_NAME_CHARS);
      if (prefix === "") return void setMore([]);
      const reply = await client.call("users_search", props.server, { prefix, limit: MOST }, { patience: 0 }).catch(() => undefined);
      if (reply === undefined || asked !== text()) return;
      const users = reply.users.map(({ user_id }) => user_id);
      client.meet(users, props.server);
      setMore(users);
    }),
  );
  return (
    <div class="pick-member" ref={(element) => props.focus && queueMicrotask(() => element.querySelector("input")?.focus())}>
      <Field
        label={props.label}
        hint={props.hint}
        error={props.error}
        {...comboboxOf(list)}
        autocomplete="off"
        maxlength={LIMITS.MAX_NAME_CHARS}
        value={text()}
        onInput={(event) => {
          setText(event.currentTarget.value);
          list.choose(0);
        }}
        onKeyDown={list.onKey}
      />
      <Options of={list} label={t("Found")}>
        {(user) => (
          <>
            <Avatar id={user} name={shownName(user, props.server)} picture={state.users[user]?.avatar} size={28} />
            <span class="cut">{shownName(user, props.server)}</span>
          </>
        )}
      </Options>
      <Show when={text().trim() !== "" && found().length === 0}>
        <p class="second" role="status">{t("Nobody has this name.")}</p>
      </Show>
    </div>
  );
}
