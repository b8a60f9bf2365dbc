import { expect, it } from "vitest";
import { keyOf } from "./push-key.ts";

const made = (applicationServerKey: ArrayBuffer | null) => keyOf({ options: { applicationServerKey, userVisibleOnly: true } });

it("is written as the cluster writes it", () => {
  const point = Uint8Array.from({ length: 65 }, (_, at) => (at * 251 + 4) % 256);
  expect(made(point.buffer)).toBe(Buffer.from(point).toString("base64url"));
});

it("is nothing where the browser does not say it", () => {
  expect(made(null)).toBeUndefined();
  expect(keyOf({} as PushSubscription)).toBeUndefined();
});
