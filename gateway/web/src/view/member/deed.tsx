// The frame of what is done to a member: whom, the choices, why, and a button with its verb.
import { createSignal, Show, type JSX } from "solid-js";
import { sentenceOf } from "../../app/act.ts";
import { Button } from "../../kit/button.tsx";
import { Dialog } from "../../kit/dialog.tsx";
import { Field } from "../../kit/field.tsx";
import { t } from "../../lang/index.ts";
import "./member.css";

/** Characters that a reason may have. */
const LONGEST_REASON = 512;

export interface DeedProps {
  title: string;
  /** What the button says. */
  action: string;
  danger?: boolean;
  /** What comes of it. */
  text?: string;
  /** Whether it asks why. */
  reasoned?: boolean;
  /** A better sentence for a refusal than that of its reason. */
  tell?: (error: unknown) => string | undefined;
  /** Asks the server; what it refuses is told here. */
  run: (reason: string) => Promise<unknown>;
  close: () => void;
  /** Buttons beside it. */
  others?: JSX.Element;
  children?: JSX.Element;
}

export function Deed(props: DeedProps) {
  const [reason, setReason] = createSignal("");
  const [error, setError] = createSignal<string>();
  const [busy, setBusy] = createSignal(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy()) return;
    setBusy(true);
    setError(undefined);
    try {
      await props.run(reason().trim());
      props.close();
    } catch (refusal) {
      setError(props.tell?.(refusal) ?? sentenceOf(refusal));
    }
    setBusy(false);
  };
  return (
    <Dialog title={props.title} onClose={props.close}>
      <form class="deed" onSubmit={(event) => void submit(event)} novalidate>
        <Show when={props.text}>{(text) => <p class="second">{text()}</p>}</Show>
        {props.children}
        <Show when={props.reasoned}>
          <Field
            label={t("Why, for the audit log")}
            maxlength={LONGEST_REASON}
            value={reason()}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </Show>
        <Show when={error()}>{(text) => <p class="error" role="alert">{text()}</p>}</Show>
        <div class="deed-buttons">
          {props.others}
          <Button onClick={() => props.close()}>{t("Cancel")}</Button>
          <Button kind={props.danger ? "danger" : "accent"} submit busy={busy()}>{props.action}</Button>
        </div>
      </form>
    </Dialog>
  );
}
