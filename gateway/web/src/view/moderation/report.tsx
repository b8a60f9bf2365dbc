// Telling those who moderate of a message.
import { LIMITS, type ChannelState, type Message, type ReportCategory } from "confab-client";
import { client, state } from "../../app/client.ts";
import { useForm } from "../../app/form.ts";
import { openDialog } from "../../kit/dialog.tsx";
import { Area, Choice } from "../../kit/field.tsx";
import { FormDialog } from "../../kit/form-dialog.tsx";
import { toast } from "../../kit/toast.tsx";
import { say, t } from "../../lang/index.ts";
import { CATEGORIES, CHOSEN } from "./words.ts";
import "./moderation.css";

export function report(channel: ChannelState, message: Message): void {
  openDialog((close) => <ReportDialog channel={channel} message={message} close={close} />);
}

function ReportDialog(props: { channel: ChannelState; message: Message; close: () => void }) {
  const { server_id, channel_id } = props.channel;
  const { message_id } = props.message;
  const server = state.servers[server_id]?.server.name ?? "";
  const form = useForm<{ category: ReportCategory; text: string }>({
    start: () => ({ category: "spam", text: "" }),
    save: async (_, { category, text }) => {
      await client.call("message_report", server_id, { channel_id, message_id, category, text: text.trim() });
      props.close();
      toast(t("Reported. The moderators of {server} decide what happens next.", { server }));
    },
  });
  return (
    <FormDialog title={t("Report this message")} form={form} action={t("Report")} danger close={props.close}>
      <blockquote class="quoted cut">{props.message.content}</blockquote>
      <Choice
        label={t("What is wrong with it?")}
        options={CHOSEN.map((value) => ({ value, label: say(CATEGORIES[value]) }))}
        {...form.pick("category")}
      />
      <Area label={t("Anything else to add")} rows={3} maxlength={LIMITS.MAX_REPORT_CHARS} {...form.text("text")} />
      <p class="second">{t("The moderators of {server} will see it, with the message as it is now and your name. Its author is not told.", { server })}</p>
    </FormDialog>
  );
}
