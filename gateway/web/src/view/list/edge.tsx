import { change } from "../../app/settings.ts";
import { t } from "../../lang/index.ts";

const LEAST = 200;
const MOST = 320;
const STEP = 16;

/** The edge of the list: drag it, or move it with the arrows. */
export function ListEdge(props: { width: number }) {
  const set = (width: number) => change("listWidth", Math.round(Math.min(MOST, Math.max(LEAST, width))));
  const drag = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    const edge = event.currentTarget;
    const [from, width] = [event.clientX, props.width];
    edge.setPointerCapture(event.pointerId);
    edge.onpointermove = (moved) => set(width + moved.clientX - from);
    edge.onpointerup = () => (edge.onpointermove = edge.onpointerup = null);
  };
  const keys: Record<string, () => void> = {
    ArrowLeft: () => set(props.width - STEP),
    ArrowRight: () => set(props.width + STEP),
    Home: () => set(LEAST),
    End: () => set(MOST),
  };
  return (
    <div
      class="list-edge"
      role="separator"
      aria-orientation="vertical"
      aria-label={t("Width of the channel list")}
      aria-valuemin={LEAST}
      aria-valuemax={MOST}
      aria-valuenow={props.width}
      tabIndex={0}
      onPointerDown={drag}
      onKeyDown={(event) => {
        const act = keys[event.key];
        if (act === undefined) return;
        event.preventDefault();
        act();
      }}
    />
  );
}
