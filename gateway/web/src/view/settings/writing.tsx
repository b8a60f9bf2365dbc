// How one writes on this device, and what single letters do.
import { change, settings } from "../../app/settings.ts";
import { keyNames } from "../../kit/chord.ts";
import { Button } from "../../kit/button.tsx";
import { Switch } from "../../kit/field.tsx";
import { Section } from "../../kit/form.tsx";
import { t } from "../../lang/index.ts";
import { typesOnScreen } from "../panel.ts";
import { openKeys } from "../shell/keys-sheet.tsx";
import "./settings.css";

const withKeys = () =>
  settings.enterMakesLine ? t("{keys} sends.", { keys: keyNames("Ctrl+Enter") }) : t("Enter sends, {keys} makes a new line.", { keys: keyNames("Shift+Enter") });

export default function Writing() {
  return (
    <>
      <Section title={t("Writing")}>
        <Switch
          label={t("Enter makes a new line")}
          hint={typesOnScreen() ? t("Always so where one writes on the screen: the button sends.") : withKeys()}
          checked={settings.enterMakesLine || typesOnScreen()}
          disabled={typesOnScreen()}
          onChange={(on) => change("enterMakesLine", on)}
        />
      </Section>
      <Section title={t("Keys")}>
        <Switch
          label={t("Single letters act on a message")}
          hint={t("While a message has the focus: R replies, E edits, P pins, + reacts.")}
          checked={settings.letterKeys}
          onChange={(on) => change("letterKeys", on)}
        />
        <Button icon="keyboard" onClick={openKeys}>{t("All keys")}</Button>
      </Section>
    </>
  );
}
