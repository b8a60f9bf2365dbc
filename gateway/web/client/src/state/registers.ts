// What an account keeps under a key, one value each: its changes have one row of versions, whatever they are about.

import { type State } from "./state.js";

/** A register was changed. Only what follows without a hole is known to be all; a fetch says the rest. */
export function advanceRegisters(state: State, version: number): void {
  if (version === state.registers + 1) state.registers = version;
}
