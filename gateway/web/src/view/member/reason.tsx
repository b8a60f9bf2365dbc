// Why something is done to a member: those who look through the audit log read it.
import { LIMITS } from "confab-client";
import type { Form } from "../../app/form.ts";
import { Field } from "../../kit/field.tsx";
import { t } from "../../lang/index.ts";

export function Reason(props: { form: Pick<Form<{ reason: string }>, "text"> }) {
  return <Field label={t("Reason, for the audit log")} maxlength={LIMITS.MAX_REASON_CHARS} {...props.form.text("reason")} />;
}
