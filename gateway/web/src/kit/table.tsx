// Data in rows and columns: a table that scrolls by itself, under a header that stays. Where there is no room each row is a
// card, with its buttons beside its name. Roles are said in full: what is laid out otherwise stays a table for screen readers.
import { For, Show, type JSX } from "solid-js";
import { t } from "../lang/index.ts";
import { Button } from "./button.tsx";
import "./form.css";

export interface Column<Row> {
  title: string;
  cell: (row: Row) => JSX.Element;
  /** Names the row: read out with each of its cells. One column should. */
  names?: boolean;
  /** Figures stand at the end. */
  figures?: boolean;
  /** A moment, a code: on one line, however narrow. */
  brief?: boolean;
  /** What it is shows by itself: a moment. Where a row is a card it stands there without its title. */
  plain?: boolean;
  /** Its title is only read out: a column of buttons. */
  quiet?: boolean;
}

export interface TableProps<Row> {
  /** What it lists, as it is read out. */
  label: string;
  columns: readonly Column<Row>[];
  /** Undefined as long as they are not known. */
  rows: readonly Row[] | undefined;
  /** What is said where there is no row. */
  empty: string;
  error?: string | undefined;
  /** There is more: what fetches it. */
  onMore?: (() => void) | undefined;
  busy?: boolean;
}

export function Table<Row>(props: TableProps<Row>) {
  return (
    <div class="table-place">
      <Show when={props.rows !== undefined || props.error === undefined}>
        <div class="table" role="region" aria-label={props.label} tabIndex={0} aria-busy={props.rows === undefined}>
          <table role="table">
            <caption class="unseen">{props.label}</caption>
            <thead role="rowgroup" classList={{ unseen: props.rows?.length === 0 }}>
              <tr role="row">
                <For each={props.columns}>
                  {(column) => (
                    <th role="columnheader" scope="col" classList={{ figures: column.figures === true }}>
                      <span classList={{ unseen: column.quiet === true }}>{column.title}</span>
                    </th>
                  )}
                </For>
              </tr>
            </thead>
            <tbody role="rowgroup">
              <For each={props.rows}>{(row) => <tr role="row"><For each={props.columns}>{(column) => <Cell column={column} row={row} />}</For></tr>}</For>
            </tbody>
          </table>
        </div>
      </Show>
      <Show when={props.error}>{(text) => <p class="error" role="alert">{text()}</p>}</Show>
      <Show when={props.error === undefined && props.rows?.length === 0}>
        <p class="second table-empty">{props.empty}</p>
      </Show>
      <Show when={props.onMore}>
        {(more) => <Button busy={props.busy ?? false} onClick={() => more()()}>{t("Show more")}</Button>}
      </Show>
    </div>
  );
}

function Cell<Row>(props: { column: Column<Row>; row: Row }) {
  const { figures = false, brief = false, quiet = false, names = false, plain = false, title } = props.column;
  const look = { figures, brief, quiet };
  return (
    <Show when={names} fallback={<td role="cell" data-title={plain ? undefined : title} classList={look}>{props.column.cell(props.row)}</td>}>
      <th role="rowheader" scope="row" classList={look}>{props.column.cell(props.row)}</th>
    </Show>
  );
}
