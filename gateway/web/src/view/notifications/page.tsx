// How the account is told: on which devices, of what, and when not.
import type { PushDevice } from "confab-client";
import { createSignal, onMount, Show } from "solid-js";
import { sentenceOf } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { Button } from "../../kit/button.tsx";
import { t } from "../../lang/index.ts";
import { Devices } from "./devices.tsx";
import { Rules } from "./rules.tsx";
import { ThisDevice } from "./this-device.tsx";
import "../settings/settings.css";
import "./notifications.css";

export default function Notifications() {
  const [devices, setDevices] = createSignal<readonly PushDevice[]>();
  const [error, setError] = createSignal<string>();
  const load = async () => {
    setError(undefined);
    try {
      const [listed] = await Promise.all([client.call("push_devices_list", 0, {}), client.notifications()]);
      setDevices(listed.devices);
    } catch (refusal) {
      setError(sentenceOf(refusal));
    }
  };
  onMount(load);
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
      <ThisDevice devices={devices()} changed={load} />
      <Devices devices={devices()} changed={() => void load()} />
      <Show when={state.notifications}>{(settings) => <Rules settings={settings()} />}</Show>
    </>
  );
}
