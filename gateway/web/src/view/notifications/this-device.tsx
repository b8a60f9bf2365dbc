// The switch of this device, and what stands in its way.
import { Refusal, type PushDevice } from "confab-client";
import { createResource, createSignal, Match, Show, Switch as Cases } from "solid-js";
import { sentenceOf } from "../../app/act.ts";
import { client } from "../../app/client.ts";
import { here, obstacle, prepare, subscribe, unsubscribe } from "../../app/push.ts";
import { Switch } from "../../kit/field.tsx";
import { Section } from "../../kit/form.tsx";
import { t } from "../../lang/index.ts";
import { SWITCHED_OFF } from "./words.ts";

export function ThisDevice(props: { devices: readonly PushDevice[] | undefined; changed: () => Promise<void> }) {
  const [ready] = createResource(prepare);
  const [fault, setFault] = createSignal<string>();
  const [wanted, setWanted] = createSignal<boolean>();
  const [denied, setDenied] = createSignal(obstacle() === "denied");
  const own = () => props.devices?.find(({ device_id }) => device_id === here()?.device_id);
  const isSubscribed = () => own()?.gone === false;
  // Until the list is there the device is believed.
  const isTold = () => here() !== undefined && (props.devices === undefined || (isSubscribed() && own()?.off === false));
  const known = () => (ready.error === undefined ? ready() : undefined);
  const turn = async (on: boolean) => {
    const able = known();
    setFault(undefined);
    setWanted(on);
    try {
      const device = own();
      if (!on) await unsubscribe();
      else if (device !== undefined && isSubscribed()) await client.call("push_device_set", 0, { device_id: device.device_id, off: false });
      else if (able !== undefined) await subscribe(able);
      await props.changed();
    } catch (error) {
      setDenied(obstacle() === "denied");
      setFault(faultOf(error));
    }
    setWanted(undefined);
  };
  return (
    <Section title={t("On this device")}>
      <Cases
        fallback={
          <Switch
            label={t("Show notifications")}
            hint={t("Also while no page is open. The browser asks you first.")}
            checked={wanted() ?? isTold()}
            disabled={known() === undefined || wanted() !== undefined}
            onChange={(on) => void turn(on)}
          />
        }
      >
        <Match when={obstacle() === "unsupported" || (ready.state === "ready" && ready() === undefined)}>
          <p class="second">{t("This browser cannot receive notifications here. On an iPhone or iPad it can once the page is on the home screen.")}</p>
        </Match>
        <Match when={denied()}>
          <p class="second">{t("You do not allow this page to notify you. To allow it, open what the browser knows of the page, by the sign before its address, set notifications to “Allow”, and reload the page.")}</p>
        </Match>
        <Match when={ready.error !== undefined}>
          <p class="second" role="alert">{faultOf(ready.error)}</p>
        </Match>
      </Cases>
      <Show when={fault()}>{(text) => <p class="error" role="alert">{text()}</p>}</Show>
    </Section>
  );
}

function faultOf(error: unknown): string {
  if (error instanceof Refusal && error.reason === "switched_off") return t(SWITCHED_OFF);
  if (!(error instanceof DOMException)) return sentenceOf(error);
  return error.name === "NotAllowedError" ? t("The browser did not get your permission.") : t("The browser cannot reach its push service. Try again later.");
}
