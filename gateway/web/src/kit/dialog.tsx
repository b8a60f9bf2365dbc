// Dialogs: the browser's own, which keeps focus inside, makes the rest of the page inert and
// gives focus back. Whoever opens one gives a component; one place draws them.
import { createSignal, createUniqueId, For, onCleanup, onMount, untrack, type Component, type JSX } from "solid-js";
import { t } from "../lang/index.ts";
import { Button, IconButton } from "./button.tsx";
import { onEscape } from "./escape.ts";
import { rememberFocus } from "./focus.ts";

type Content = (close: () => void) => JSX.Element;

const [open, setOpen] = createSignal<readonly Content[]>([]);

/** Opens a dialog; `content` draws a `Dialog`. */
export function openDialog(content: Content): void {
  setOpen((before) => [...before, content]);
}

export const dialogIsOpen = () => open().length > 0;

/** Draws them, each in a `frame`: one that cannot be drawn must not take the page with it. */
export function DialogHost(props: { frame: Component<{ onClose: () => void; children: JSX.Element }> }) {
  return (
    <For each={open()}>
      {(content) => {
        const close = () => setOpen((before) => before.filter((other) => other !== content));
        return <props.frame onClose={close}>{untrack(() => content(close))}</props.frame>;
      }}
    </For>
  );
}

export interface DialogProps {
  title: string;
  onClose: () => void;
  /** Buttons at the end: what it is there for comes last. */
  actions?: JSX.Element;
  wide?: boolean;
  children: JSX.Element;
}

export function Dialog(props: DialogProps) {
  const id = createUniqueId();
  let element!: HTMLDialogElement;
  onEscape(() => props.onClose());
  const giveBack = rememberFocus();
  onMount(() => element.showModal());
  onCleanup(() => {
    // While it is open all else is inert.
    element.close();
    giveBack();
  });
  return (
    <dialog
      ref={element}
      class="dialog"
      classList={{ wide: props.wide === true }}
      aria-labelledby={id}
      onCancel={(event) => event.preventDefault()}
      onPointerDown={(event) => {
        if (event.target === element) props.onClose();
      }}
    >
      <div class="dialog-body">
        <header>
          <h1 id={id}>{props.title}</h1>
          <IconButton icon="close" label={t("Close")} onClick={() => props.onClose()} />
        </header>
        <div class="dialog-content">{props.children}</div>
        {props.actions && <footer>{props.actions}</footer>}
      </div>
    </dialog>
  );
}

export interface Question {
  title: string;
  text: string;
  /** What the button says: the verb, never "OK". */
  action: string;
  danger?: boolean;
  run: () => unknown;
}

/** Asks before something that cannot be undone. */
export function ask(question: Question): void {
  openDialog((close) => (
    <Dialog
      title={question.title}
      onClose={close}
      actions={
        <>
          <Button autofocus={question.danger === true} onClick={close}>{t("Cancel")}</Button>
          <Button
            kind={question.danger ? "danger" : "accent"}
            autofocus={question.danger !== true}
            onClick={() => {
              close();
              question.run();
            }}
          >
            {question.action}
          </Button>
        </>
      }
    >
      <p>{question.text}</p>
    </Dialog>
  ));
}
