// Toasts: what became of something that the reader did, when it is not to be seen elsewhere.
import { createSignal, For, onCleanup, onMount, Show } from "solid-js";
import { t } from "../lang/index.ts";
import { Button, IconButton } from "./button.tsx";

export interface Toast {
  /** With the seconds that are left, where there is something to wait for. Words are asked for when they are shown: a language comes late. */
  text: (seconds: number) => string;
  /** When it is over, in milliseconds since 1970. */
  until?: number | undefined;
  action?: { label: () => string; run: () => void } | undefined;
}

/** How long one that waits for nothing is shown. */
const SHOWN = 8000;
/** More than this would hide the page: the oldest goes. */
const MOST = 3;

const [toasts, setToasts] = createSignal<readonly Toast[]>([]);

/** One that is shown already is not shown twice. */
export function toast(text: string | Toast): void {
  const one = typeof text === "string" ? { text: () => text } : text;
  setToasts((before) => (before.includes(one) ? before : [...before, one].slice(-MOST)));
}

const dismiss = (one: Toast) => setToasts((before) => before.filter((other) => other !== one));

export function ToastHost() {
  return (
    <div class="toasts" role="status">
      <For each={toasts()}>{(one) => <Shown toast={one} />}</For>
    </div>
  );
}

function Shown(props: { toast: Toast }) {
  const end = props.toast.until ?? Date.now() + SHOWN;
  const [left, setLeft] = createSignal(secondsUntil(end));
  onMount(() => {
    const timer = setInterval(() => {
      setLeft(secondsUntil(end));
      if (left() === 0) dismiss(props.toast);
    }, 1000);
    onCleanup(() => clearInterval(timer));
  });
  return (
    <div class="toast">
      <p>{props.toast.text(left())}</p>
      <Show when={props.toast.action}>
        {(action) => (
          <Button
            kind="quiet"
            onClick={() => {
              dismiss(props.toast);
              action().run();
            }}
          >
            {action().label()}
          </Button>
        )}
      </Show>
      <IconButton icon="close" label={t("Dismiss")} onClick={() => dismiss(props.toast)} />
    </div>
  );
}

/** Whole seconds, rounded up: who is told 1 may try after one. */
const secondsUntil = (moment: number) => Math.max(0, Math.ceil((moment - Date.now()) / 1000));
