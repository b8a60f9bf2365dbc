// The devices that are told, wherever they are, and whether it works.
import type { PushDevice } from "confab-client";
import { createSignal, For, Show } from "solid-js";
import { act, tellRefusal } from "../../app/act.ts";
import { client } from "../../app/client.ts";
import { here, unsubscribe } from "../../app/push.ts";
import { Button } from "../../kit/button.tsx";
import { Switch } from "../../kit/field.tsx";
import { Section } from "../../kit/form.tsx";
import { toast } from "../../kit/toast.tsx";
import { exact, moment, timeOfId } from "../../lang/dates.ts";
import { t, tn } from "../../lang/index.ts";

export function Devices(props: { devices: readonly PushDevice[] | undefined; changed: () => Promise<void> }) {
  const [busy, setBusy] = createSignal(false);
  const test = async () => {
    setBusy(true);
    try {
      const { devices } = await client.call("push_test", 0, { device_id: null });
      toast(tn("A test is on its way to {count} devices.", devices));
    } catch (refusal) {
      tellRefusal(refusal);
    }
    setBusy(false);
  };
  const remove = async ({ device_id }: PushDevice) => {
    const own = device_id === here()?.device_id;
    if (await act(own ? unsubscribe() : client.call("push_unsubscribe", 0, { device_id }))) await props.changed();
  };
  const turn = async ({ device_id }: PushDevice, on: boolean) => {
    if (await act(client.call("push_device_set", 0, { device_id, off: !on }))) await props.changed();
  };
  const anyTold = () => props.devices?.some(({ gone, off }) => !gone && !off) === true;
  return (
    <Show when={props.devices}>
      {(devices) => (
        <Section title={t("Devices that are told")}>
          <ul class="devices">
            <For each={devices()} fallback={<li class="second">{t("None yet.")}</li>}>
              {(device) => <Device device={device} onTurn={(on) => turn(device, on)} onRemove={() => void remove(device)} />}
            </For>
          </ul>
          <Show when={anyTold()}>
            <Button icon="bell" busy={busy()} onClick={() => void test()}>{t("Send a test")}</Button>
          </Show>
        </Section>
      )}
    </Show>
  );
}

function Device(props: { device: PushDevice; onTurn: (on: boolean) => Promise<void>; onRemove: () => void }) {
  const [wanted, setWanted] = createSignal<boolean>();
  const turn = async (on: boolean) => {
    setWanted(on);
    await props.onTurn(on);
    setWanted(undefined);
  };
  const since = () => timeOfId(props.device.device_id);
  const name = () => props.device.name || t("Unknown device");
  return (
    <li>
      <span class="device">
        <span class="cut">{name()}</span>
        <span class="second" data-tip={exact(since())}>
          {props.device.device_id === here()?.device_id ? `${t("This device")}, ` : ""}
          {t("since {time}", { time: moment(since()) })}
        </span>
        <Show when={faultOf(props.device)}>{(text) => <span class="error">{text()}</span>}</Show>
      </span>
      <Show when={!props.device.gone}>
        <Switch bare label={t("Tell {device}", { device: name() })} checked={wanted() ?? !props.device.off} onChange={(on) => void turn(on)} />
      </Show>
      <Button aria-label={t("Remove {device}", { device: name() })} onClick={() => props.onRemove()}>{t("Remove")}</Button>
    </li>
  );
}

function faultOf({ failing_since, gone }: PushDevice): string | undefined {
  if (gone) return t("It is told no more: its push service does not take anything for it. Switch it on there again.");
  return failing_since === null ? undefined : t("It cannot be reached since {time}.", { time: moment(failing_since) });
}
