// Of which devices it is news to this browser that they are told no more.
import type { PushDevice, PushDeviceId } from "confab-client";

/** When this browser looked, and which were gone then. */
export interface Looked {
  at: number;
  gone: readonly PushDeviceId[];
}

export const NEVER: Looked = { at: 0, gone: [] };

export const newsOf = <Device extends Pick<PushDevice, "device_id">>(gone: readonly Device[], before: Looked): Device[] =>
  gone.filter(({ device_id }) => !before.gone.includes(device_id));
