import { Show } from "solid-js";

/** What is wrong with a form that has a button of its own in place of a save bar. */
export function FormProblem(props: { form: { problem: () => string | undefined } }) {
  return (
    <div class="problem" role="status">
      <Show when={props.form.problem()}>{(text) => <p class="error">{text()}</p>}</Show>
    </div>
  );
}
