// One's own status: how one looks to others, a few words, and until when.
import { LIMITS, type StatusKind } from "confab-client";
import { useForm } from "../../app/form.ts";
import { client } from "../../app/client.ts";
import { now as time } from "../../app/clock.ts";
import { Button } from "../../kit/button.tsx";
import { Choice, Field } from "../../kit/field.tsx";
import { FormDialog } from "../../kit/form-dialog.tsx";
import { Select } from "../../kit/form.tsx";
import { moment } from "../../lang/dates.ts";
import { t } from "../../lang/index.ts";
import { ownStatus } from "../people/status.ts";
import { endOf, type Span } from "./status-end.ts";
import "./settings.css";

export default function StatusDialog(props: { close: () => void }) {
  const now = ownStatus();
  const form = useForm<{ status: StatusKind; text: string; span: Span | "kept" }>({
    start: () => ({ status: now.status, text: now.text, span: now.until === null ? "never" : "kept" }),
    once: true,
    save: async (_, { status, text, span }) => {
      const until = span === "kept" ? now.until : endOf(span, time());
      await client.call("status_set", 0, { status, text: text.trim() || null, until });
      props.close();
    },
    invalid: { text: () => t("This is too long.") },
  });
  const clear = () => {
    form.set("status", "online");
    form.set("text", "");
    form.set("span", "never");
    void form.save();
  };
  const kinds = (): { value: StatusKind; label: string; hint: string }[] => [
    { value: "online", label: t("Online"), hint: t("away when you are") },
    { value: "idle", label: t("Away"), hint: t("also while you are there") },
    { value: "dnd", label: t("Do not disturb"), hint: t("others see that you are busy") },
    { value: "invisible", label: t("Invisible"), hint: t("you look offline") },
  ];
  const spans = () => {
    const kept = now.until === null ? [] : [{ value: "kept" as const, label: t("at {time}", { time: moment(now.until) }) }];
    return [
      ...kept,
      { value: "30m" as const, label: t("in 30 minutes") },
      { value: "1h" as const, label: t("in an hour") },
      { value: "4h" as const, label: t("in four hours") },
      { value: "today" as const, label: t("at the end of today") },
      { value: "never" as const, label: t("never") },
    ];
  };
  return (
    <FormDialog
      title={t("Set a status")}
      form={form}
      action={t("Save")}
      others={<Button onClick={clear}>{t("Clear the status")}</Button>}
      close={props.close}
    >
      <Choice label={t("You look")} options={kinds()} {...form.pick("status")} />
      <Field label={t("In your words")} placeholder={t("In a meeting")} autocomplete="off" maxlength={LIMITS.MAX_TITLE_CHARS} {...form.text("text")} />
      <Select label={t("It ends")} options={spans()} {...form.pick("span")} />
    </FormDialog>
  );
}
