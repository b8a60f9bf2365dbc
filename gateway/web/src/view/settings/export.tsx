// Everything that is kept of the account, as a file: the server writes it down, the page fetches its parts.
import { LIMITS, Refusal, type Export } from "confab-client";
import { createSignal, Match, Show, Switch } from "solid-js";
import { sentenceOf, tellRefusal } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { minute, now } from "../../app/clock.ts";
import { Button } from "../../kit/button.tsx";
import { Section } from "../../kit/form.tsx";
import { date, moment } from "../../lang/dates.ts";
import { t } from "../../lang/index.ts";
import { bytesText } from "../../lang/figures.ts";
import { followLastExport } from "./last-export.ts";


const isOver = ({ finished_at, expires_at }: Export) => finished_at !== null && expires_at <= minute();

export function ExportData() {
  const { last, error, take, fail } = followLastExport();
  const [fetched, setFetched] = createSignal<number>();

  const start = async () => {
    try {
      take(await client.call("account_export", 0, {}));
    } catch (refusal) {
      fail(startFault(refusal));
    }
  };
  const download = async (what: Export) => {
    setFetched(0);
    try {
      save(await fetchParts(what.parts, setFetched), `confab-${state.me?.name ?? "export"}-${day(what.started_at)}.jsonl`);
    } catch (refusal) {
      tellRefusal(refusal);
    }
    setFetched(undefined);
  };
  const kept = () => {
    const now = last();
    return now && now.finished_at !== null && !isOver(now) ? now : undefined;
  };
  const mayStart = () => {
    const now = last();
    return now !== undefined && (now === null || (now.finished_at !== null && now.started_at + LIMITS.EXPORT_PAUSE_MS <= minute()));
  };

  return (
    <Section title={t("Your data")} description={t("Everything that is stored about you, as a file in JSON Lines: your messages, servers, devices and more.")}>
      <Switch>
        <Match when={fetched() !== undefined}>
          <div class="export-state" role="status">
            <p>{t("Fetching it…")}</p>
            <progress aria-label={t("Fetching it…")} value={fetched()} max={kept()?.parts} />
          </div>
        </Match>
        <Match when={last()?.finished_at === null}>
          <p role="status">{t("Your data has been in preparation since {time}. You can leave this page and download it here later.", { time: moment(last()?.started_at ?? 0) })}</p>
        </Match>
        <Match when={kept()}>
          {(known) => (
            <div class="export-state">
              <p>
                {t("Ready since {time}, {size}. Kept until {date}.", {
                  time: moment(known().finished_at ?? 0),
                  size: bytesText(known().bytes),
                  date: date(known().expires_at),
                })}
                <Show when={known().cut}> {t("It was too much for one file: something is missing.")}</Show>
              </p>
              <Button icon="down" onClick={() => void download(known())}>{t("Download")}</Button>
            </div>
          )}
        </Match>
      </Switch>
      <Show when={mayStart()}>
        <Button onClick={() => void start()}>{t("Download my data")}</Button>
      </Show>
      <Show when={error()}>{(text) => <p class="error" role="alert">{text()}</p>}</Show>
    </Section>
  );
}

/** One after the other, each a blob at once: the browser may put that on its disk. */
async function fetchParts(count: number, progress: (part: number) => void): Promise<Blob[]> {
  const parts: Blob[] = [];
  for (let part = 0; part < count; part += 1) {
    const { lines } = await client.call("account_export_get", 0, { part });
    parts.push(new Blob([lines ?? ""]));
    progress(part + 1);
  }
  return parts;
}

function save(parts: readonly Blob[], name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([...parts], { type: "application/x-ndjson" }));
  link.download = name;
  link.click();
  // Not at once: the browser reads it after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function startFault(refusal: unknown): string {
  if (!(refusal instanceof Refusal)) return sentenceOf(refusal);
  if (refusal.reason === "limit_reached") return t("The server is preparing as many downloads as it can. Try again later.");
  if (refusal.reason === "rate_limited") return t("One a day. Again from {time}.", { time: moment(now() + (refusal.retryAfter ?? 0)) });
  return sentenceOf(refusal);
}

const day = (at: number) => new Date(at).toISOString().slice(0, 10);
