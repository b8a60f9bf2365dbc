// How the page looks on this device: all of it at once, and nothing of it is the server's.
import { change, settings, TEXT_SIZES, type Density, type Settings, type Theme } from "../../app/settings.ts";
import { Choice, Switch } from "../../kit/field.tsx";
import { Section, Select } from "../../kit/form.tsx";
import { t } from "../../lang/index.ts";
import { Preview } from "./preview.tsx";
import { SizeSlider } from "./slider.tsx";
import "./settings.css";

export default function Look() {
  const themes = (): { value: Theme; label: string; hint?: string }[] => [
    { value: "system", label: t("Same as the system"), hint: t("also with more contrast") },
    { value: "dark", label: t("Dark") },
    { value: "light", label: t("Light") },
    { value: "hc-dark", label: t("Dark, high contrast") },
    { value: "hc-light", label: t("Light, high contrast") },
  ];
  const densities = (): { value: Density; label: string; hint: string }[] => [
    { value: "cosy", label: t("Cosy"), hint: t("with pictures and room") },
    { value: "compact", label: t("Compact"), hint: t("a line for each message") },
  ];
  const languages = (): { value: Settings["language"]; label: string }[] => [
    { value: "system", label: t("Same as the browser") },
    { value: "en", label: "English" },
    { value: "de", label: "Deutsch" },
  ];
  return (
    <>
      <Section title={t("Preview")} description={t("What you choose here applies to this device, right away.")}>
        <Preview />
      </Section>
      <Section title={t("Colours")}>
        <Choice label={t("Theme")} value={settings.theme} options={themes()} onChange={(theme) => change("theme", theme)} />
      </Section>
      <Section title={t("Messages")}>
        <Choice label={t("Density")} value={settings.density} options={densities()} onChange={(density) => change("density", density)} />
        <Switch
          label={t("Bubbles")}
          hint={t("Yours green and at the end, others' blue, each with a side.")}
          checked={settings.bubbles}
          onChange={(on) => change("bubbles", on)}
        />
        <SizeSlider label={t("Text size")} value={settings.textSize} sizes={TEXT_SIZES} onChange={(size) => change("textSize", size)} />
      </Section>
      <Section title={t("Language")}>
        <Select
          label={t("Language of the page")}
          hint={t("Messages stay as they were written.")}
          value={settings.language}
          options={languages()}
          onChange={(language) => change("language", language)}
        />
      </Section>
    </>
  );
}
