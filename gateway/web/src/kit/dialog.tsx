// Dialogs: the browser's own, which keeps focus inside, makes the rest of the page inert and
// gives focus back. Whoever opens one gives a component; one place draws them.
import { createSignal, createUniqueId, For, onCleanup, onMount, type JSX } from "solid-js";
import { t } from "../lang/index.ts";
import { Button, IconButton } from "./button.tsx";
import { onEscape } from "./escape.ts";

type Content = (close: () => void) => JSX.Element;

const [open, setOpen] = createSignal<readonly Content[]>([]);

/** Opens a dialog; `content` draws a `Dialog`. */
export function openDialog(content: Content): void {
  setOpen((before) => [...before, content]);
}

export const dialogIsOpen = () => open().length > 0;

export function DialogHost() {
  return <For each={open()}>{(content) => content(() => setOpen((before) => before.filter((other) => other !== content)))}</For>;
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
  const opener = document.activeElement;
  onEscape(() => props.onClose());
  onMount(() => element.showModal());
  onCleanup(() => {
    if (opener instanceof HTMLElement && opener.isConnected) opener.focus({ preventScroll: true });
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
          <h1 id={id} class="cut">{props.title}</h1>
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
          <Button onClick={close}>{t("Cancel")}</Button>
          <Button
            kind={question.danger ? "danger" : "accent"}
            autofocus
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
