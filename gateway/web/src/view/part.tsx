// A part of the page that is loaded when it is needed. A gateway of a newer build has not got the files of this one, and
// without a network nobody has: then the part is missing, not the page.
import { ErrorBoundary, Suspense, type JSX } from "solid-js";
import { reload as reloadPage } from "../app/update.ts";
import { Button } from "../kit/button.tsx";
import { Dialog } from "../kit/dialog.tsx";
import { t } from "../lang/index.ts";

export interface PartProps {
  children: JSX.Element;
  /** Closes what covers the page: where it is missing, a dialog says so. */
  onClose?: () => void;
  /** Whether the page does without it as well, and nothing is said. */
  quiet?: boolean;
}

/** Appears when all is there that it waits for. */
export function Part(props: PartProps) {
  return <Guarded {...props}><Suspense>{props.children}</Suspense></Guarded>;
}

/** The same for what shows at once that it waits for something, as dialogs do. */
export function Guarded(props: PartProps) {
  return <ErrorBoundary fallback={(error: unknown) => <Missing error={error} {...props} />}>{props.children}</ErrorBoundary>;
}

function Missing(props: { error: unknown; onClose?: () => void; quiet?: boolean }) {
  console.error(props.error);
  if (props.quiet) return null;
  const sentence = () => <p>{t("This part could not be loaded. Reload the page to continue.")}</p>;
  const reload = () => <Button kind="accent" onClick={() => void reloadPage()}>{t("Reload")}</Button>;
  const { onClose } = props;
  if (onClose !== undefined) {
    return <Dialog title={t("Something is missing")} onClose={onClose} actions={reload()}>{sentence()}</Dialog>;
  }
  return <div class="missing" role="alert">{sentence()}{reload()}</div>;
}
