// How the account is told: on which devices, of what, and when not.
import type { PushDevice } from "confab-client";
import { createEffect, createMemo, createSignal, on, Show } from "solid-js";
import { createStore, reconcile } from "solid-js/store";
import { sentenceOf } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { here } from "../../app/push.ts";
import { Button } from "../../kit/button.tsx";
import { Section } from "../../kit/form.tsx";
import { t } from "../../lang/index.ts";
import { Devices } from "./devices.tsx";
import { Rules } from "./rules.tsx";
import { ThisDevice } from "./this-device.tsx";
import { SWITCHED_OFF } from "./words.ts";
import "../settings/settings.css";
import "./notifications.css";

export default function Notifications() {
  const [known, setKnown] = createStore<{ devices?: readonly PushDevice[] }>({});
  const [error, setError] = createSignal<string>();
  const isOff = createMemo(() => state.push === false);
  // Rows that are still there stay the same elements.
  const list = async () => setKnown("devices", reconcile((await client.call("push_devices_list", 0, {})).devices, { key: "device_id" }));
  const load = async () => {
    setError(undefined);
    try {
      await Promise.all([isOff() ? undefined : list(), client.notifications()]);
    } catch (refusal) {
      setError(sentenceOf(refusal));
    }
  };
  // This device may subscribe while somebody looks: then it is another one.
  createEffect(on([isOff, here], () => void load()));
  return (
    <>
      <Show when={error()}>
        {(text) => (
          <div class="stack">
            <p class="error" role="alert">{text()}</p>
            <Button onClick={() => void load()}>{t("Try now")}</Button>
          </div>
        )}
      </Show>
      <Show when={!isOff()} fallback={<Section title={t("On this device")}><p class="second">{t(SWITCHED_OFF)}</p></Section>}>
        <ThisDevice devices={known.devices} changed={load} />
        <Devices devices={known.devices} changed={load} />
      </Show>
      <Show when={state.notifications}>{(settings) => <Rules settings={settings()} />}</Show>
    </>
  );
}
