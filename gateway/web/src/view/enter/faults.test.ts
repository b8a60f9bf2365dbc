import { expect, it } from "vitest";
import { faultsOf } from "./faults.ts";

it("a new account is told all that is wrong at once", () => {
  expect(Object.keys(faultsOf("up", "Anna B", "short"))).toEqual(["name", "password"]);
  expect(Object.keys(faultsOf("up", "", ""))).toEqual(["name", "password"]);
  for (const name of ["Jürgen_1", "日本", "a.b-c"]) expect(faultsOf("up", name, "long enough")).toEqual({});
});

it("what signs in is for the server to judge, but for a name that is not there", () => {
  expect(faultsOf("in", "Anna B", "short")).toEqual({});
  expect(Object.keys(faultsOf("in", "", ""))).toEqual(["name"]);
});
