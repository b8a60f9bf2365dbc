// Why something is done to a member: those who look through the audit log read it.
import type { Form } from "../../app/form.ts";
import { Field } from "../../kit/field.tsx";
import { t } from "../../lang/index.ts";

/** Characters that a reason may have. */
const LONGEST = 512;

export function Reason(props: { form: Pick<Form<{ reason: string }>, "text"> }) {
  return <Field label={t("Reason, for the audit log")} maxlength={LONGEST} {...props.form.text("reason")} />;
}
