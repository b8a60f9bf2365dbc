import { createSignal, onCleanup } from "solid-js";
import { Button, type ButtonProps } from "../../kit/button.tsx";
import { t } from "../../lang/index.ts";

/** How long the button says that it did. */
const SAID = 2_000;

/** Copies a text, and says so where one looks. */
export function CopyButton(props: { text: string; kind?: ButtonProps["kind"]; label?: string; disabled?: boolean }) {
  const [copied, setCopied] = createSignal(false);
  let timer = 0;
  onCleanup(() => clearTimeout(timer));
  const copy = async () => {
    await navigator.clipboard.writeText(props.text);
    setCopied(true);
    clearTimeout(timer);
    timer = window.setTimeout(() => setCopied(false), SAID);
  };
  return (
    <Button kind={props.kind ?? "plain"} {...(props.kind === "accent" ? { icon: copied() ? "check" : "copy" } : {})} disabled={props.disabled} aria-label={copied() ? undefined : props.label} onClick={() => void copy()}>
      <span aria-live="polite">{copied() ? t("Copied") : t("Copy")}</span>
    </Button>
  );
}
