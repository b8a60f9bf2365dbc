import { expect, it } from "vitest";
import { pictureAt } from "./picture.ts";

const HERE = "https://chat.example";

it("is fetched where uploaded files are, and nowhere else", () => {
  expect(pictureAt(`${HERE}/files/7/ana.webp`, HERE)).toBe("/files/7/ana.webp");
  for (const address of [
    "",
    "https://other.example/files/7/ana.webp",
    `${HERE}/`,
    `${HERE}/api/v1/commands/logout`,
    `${HERE}/files/../api/v1/commands/logout`,
    `${HERE}/files/%2e%2e/api/session/logout`,
    `${HERE}/files/..%2fapi/session/logout`,
    `${HERE}/files/..\\api/session/logout`,
    `${HERE}/files/a?then=/api`,
    `${HERE}/files/`,
    `${HERE}/icon-192.png`,
    "https://chat.example@other.example/files/a",
    "http://chat.example/files/a",
    "https://[",
  ]) expect(pictureAt(address, HERE), address).toBeUndefined();
});
