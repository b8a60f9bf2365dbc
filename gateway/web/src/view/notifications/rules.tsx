// Of what the account wants to be told everywhere, and when not.
import { levelAt, type Body, type Notifications } from "confab-client";
import { Show } from "solid-js";
import { client, state } from "../../app/client.ts";
import { useForm } from "../../app/form.ts";
import { Choice, Field, Switch } from "../../kit/field.tsx";
import { SaveBar, Section, Select } from "../../kit/form.tsx";
import { say, t } from "../../lang/index.ts";
import { clockOf, minuteOf, ownZone, zones } from "./hours.ts";
import { Keywords } from "./keywords.tsx";
import { IN_ORDER, LEVELS } from "./words.ts";

/** What is offered where nobody said when. */
const NIGHT = { from: 22 * 60, to: 7 * 60 };

export function Rules(props: { settings: Notifications }) {
  const form = useForm({
    start: () => {
      const { quiet, keywords, private: hidden } = props.settings;
      const { from, to, zone } = quiet ?? { ...NIGHT, zone: ownZone() };
      const level = levelAt(state, null).level ?? ("mentions" as const);
      return { level, keywords: [...keywords], quiet: quiet !== null, from: clockOf(from), to: clockOf(to), zone, private: hidden };
    },
    check: ({ quiet, from, to }) => ({ to: quiet && minuteOf(from) === minuteOf(to) ? t("They end at another time than they begin.") : undefined }),
    fieldOf: ({ detail }) => (detail === "quiet" ? "to" : (detail ?? undefined)),
    save: async ({ level, ...changed }, values) => {
      if (level !== undefined) await client.setLevel(null, { ...levelAt(state, null), level });
      if (Object.keys(changed).length > 0) await client.call("notification_settings_set", 0, settingsOf(values));
    },
  });
  return (
    <form {...form.root}>
      <Section title={t("What of")} description={t("For a server, a category or a channel you say otherwise in its menu.")}>
        <Choice label={t("Tell me of")} options={levels()} {...form.pick("level")} />
        <Keywords {...form.pick("keywords")} error={form.error("keywords")} />
      </Section>
      <Section title={t("When and how")}>
        <Switch label={t("Quiet hours")} hint={t("In them nothing is told.")} {...form.toggle("quiet")} />
        <Show when={form.values().quiet}>
          <div class="quiet-hours">
            <Field label={t("From")} type="time" required {...form.text("from")} />
            <Field label={t("To")} type="time" required {...form.text("to")} />
            <Select label={t("Time zone")} options={zones(form.values().zone)} {...form.pick("zone")} error={form.error("zone")} />
          </div>
        </Show>
        <Switch
          label={t("Without names and texts")}
          hint={t("Notifications say that there is something, and not what: for screens that others see.")}
          {...form.toggle("private")}
        />
      </Section>
      <SaveBar form={form} />
    </form>
  );
}

function levels() {
  const hints = {
    all: t("in servers of up to 1,000 members; in larger ones you ask for it there"),
    mentions: t("mentions, replies, keywords"),
    nothing: t("no notification at all"),
  };
  return IN_ORDER.map((value) => ({ value, label: say(LEVELS[value]), hint: hints[value] }));
}

interface Values {
  keywords: string[];
  quiet: boolean;
  from: string;
  to: string;
  zone: string;
  private: boolean;
}

function settingsOf({ keywords, quiet, from, to, zone, private: hidden }: Values): Body<"notification_settings_set"> {
  return { keywords, private: hidden, quiet: quiet ? { from: minuteOf(from), to: minuteOf(to), zone } : null };
}
