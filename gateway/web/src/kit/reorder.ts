// Rows that are put in order: by a drag, by keys and from their menu. Lists of channels and of roles are such.
import { t } from "../lang/index.ts";
import { announce } from "./announce.tsx";
import { chord } from "./chord.ts";
import type { Press } from "./drag.ts";
import type { MenuItems } from "./menu-items.ts";
import { pressOn } from "./press.ts";

/** To the row above, or to the one below. */
export type Step = -1 | 1;

export const STEP_KEYS = { up: "Ctrl+Shift+ArrowUp", down: "Ctrl+Shift+ArrowDown" };

export interface Order<Id extends number> {
  /** Rows have their id in it: `channel` is `data-channel`. */
  rows: string;
  mayMove: (id: Id) => boolean;
  canStep: (id: Id, by: Step) => boolean;
  step: (id: Id, by: Step) => void;
  /** Follows the pointer: what does that is loaded with the first drag. */
  drag: (id: Id, press: Press) => void;
}

const idOf = <Id extends number>(row: HTMLElement, { rows }: Order<Id>) => Number(row.dataset[rows]) as Id;

/** What a list has whose rows are put in order: `<ul {...reorder(CHANNELS)}>`. */
export function reorder<Id extends number>(order: Order<Id>) {
  const onPointerDown = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    const press = pressOn(event, `[data-${order.rows}]`);
    if (press === undefined) return;
    const id = idOf(press.row, order);
    if (order.mayMove(id)) order.drag(id, press);
  };
  return { "data-order": order.rows, onPointerDown };
}

/** Its keys, where no commands are listened for: behind a layer. */
export function stepByKeys<Id extends number>(order: Order<Id>, event: KeyboardEvent): void {
  const row = focusedRow(order.rows);
  const by = { [STEP_KEYS.up]: -1, [STEP_KEYS.down]: 1 }[chord(event)] as Step | undefined;
  if (row === undefined || by === undefined || !order.mayMove(idOf(row, order))) return;
  event.preventDefault();
  order.step(idOf(row, order), by);
}

/** The same in the menu of a row. */
export function stepItems<Id extends number>({ canStep, step }: Order<Id>, id: Id): MenuItems {
  const items: MenuItems = [];
  if (canStep(id, -1)) items.push({ label: t("Move up"), icon: "up", keys: STEP_KEYS.up, run: () => step(id, -1) });
  if (canStep(id, 1)) items.push({ label: t("Move down"), icon: "down", keys: STEP_KEYS.down, run: () => step(id, 1) });
  return items;
}

/** The row of such a list that has the focus. */
export const focusedRow = (rows: string): HTMLElement | undefined =>
  document.activeElement?.closest<HTMLElement>(`[data-order="${rows}"] [data-${rows}]`) ?? undefined;

/** Moves a row by `begin`, which shows at once what the server is asked for: it keeps the focus, and who does not see it is told. */
export async function moveRow(rows: string, id: number, begin: () => Promise<unknown>, standing: () => string): Promise<void> {
  const refocus = keepFocus(rows, id);
  const done = begin();
  refocus();
  announce(standing());
  await done;
  refocus();
}

/** Gives a row the focus again, where it has it now: one that moves in the document loses it. */
function keepFocus(rows: string, id: number): () => void {
  const held = focusedRow(rows);
  if (held?.dataset[rows] !== String(id)) return () => undefined;
  const list = held.closest("[data-order]");
  return () => {
    const row = list?.querySelector<HTMLElement>(`[data-${rows}="${id}"]`);
    if (row !== document.activeElement && (document.activeElement === document.body || focusedRow(rows) === undefined)) row?.focus();
  };
}
