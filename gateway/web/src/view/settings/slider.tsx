import { createUniqueId } from "solid-js";
import { t } from "../../lang/index.ts";

export interface SizeSliderProps {
  label: string;
  value: number;
  sizes: readonly number[];
  onChange: (size: number) => void;
}

/** A size of text from a few, small to large. */
export function SizeSlider(props: SizeSliderProps) {
  const id = createUniqueId();
  const index = () => Math.max(0, props.sizes.indexOf(props.value));
  return (
    <div class="slider">
      <label for={id}>{props.label}</label>
      <input
        id={id}
        type="range"
        min={0}
        max={props.sizes.length - 1}
        step={1}
        value={index()}
        aria-valuetext={t("{size} pixels", { size: props.value })}
        onInput={(event) => props.onChange(props.sizes[event.currentTarget.valueAsNumber] ?? props.value)}
      />
      <output for={id}>{t("{size} px", { size: props.value })}</output>
    </div>
  );
}
