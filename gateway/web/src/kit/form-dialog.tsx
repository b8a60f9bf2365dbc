// A dialog that asks for something and does it: fields, what is wrong, and one row of buttons, the same everywhere.
import { createUniqueId, Show, type JSX } from "solid-js";
import { t } from "../lang/index.ts";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import { FormProblem } from "./form.tsx";
import { leave } from "./unsaved.ts";

/** What it needs of a form: `useForm` of `app/form.ts` has it. */
export interface Asking {
  busy: () => boolean;
  wait: () => number;
  /** What is wrong with no field in particular. */
  problem: () => string | undefined;
  unsaved: () => boolean;
  root: { ref: (element: HTMLFormElement) => void; onSubmit: (event: SubmitEvent) => void; novalidate: true };
}

export interface FormDialogProps {
  title: string;
  form: Asking;
  /** What the button says: the verb. */
  action: string;
  danger?: boolean;
  /** Whether there is something to wait for yet. */
  disabled?: boolean;
  /** What else can be done, at the other end of the row. */
  others?: JSX.Element;
  close: () => void;
  children: JSX.Element;
}

/** Esc and a click beside it may be meant for something else: with something typed they ask first, Cancel does not. */
export function FormDialog(props: FormDialogProps) {
  const id = createUniqueId();
  return (
    <Dialog
      title={props.title}
      onClose={() => leave(props.close, props.form.unsaved)}
      actions={
        <>
          <Show when={props.others}>{(others) => <span class="dialog-first">{others()}</span>}</Show>
          <Button onClick={() => props.close()}>{t("Cancel")}</Button>
          <Button kind={props.danger ? "danger" : "accent"} submit form={id} busy={props.form.busy() || props.form.wait() > 0} disabled={props.disabled}>
            {props.action}
          </Button>
        </>
      }
    >
      <form {...props.form.root} id={id}>
        {props.children}
        <FormProblem form={props.form} />
      </form>
    </Dialog>
  );
}
