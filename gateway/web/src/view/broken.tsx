import { reload } from "../app/update.ts";
import { Button } from "../kit/button.tsx";
import { t } from "../lang/index.ts";

/** What is left when the page itself broke. What was written is in the outbox and among the drafts. */
export function Broken(props: { error: unknown }) {
  console.error(props.error);
  return (
    <main class="broken">
      <h1>{t("This page broke.")}</h1>
      <p>{t("What you wrote is safe. Reload the page to continue.")}</p>
      <Button kind="accent" onClick={() => void reload()}>{t("Reload")}</Button>
    </main>
  );
}
