import { describe, expect, it } from "vitest";
import { hiddenHost } from "./host.ts";

describe("the host of a link", () => {
  it("is said where the text names another one", () => {
    expect(hiddenHost("https://evil.example/login", "https://good.example")).toBe("evil.example");
    expect(hiddenHost("https://evil.example/login", "good.example/login")).toBe("evil.example");
    expect(hiddenHost("https://evil.example/", "see www.good.example, please")).toBe("evil.example");
    expect(hiddenHost("https://good.example@evil.example/", "https://good.example/")).toBe("evil.example");
    expect(hiddenHost("mailto:jo@evil.example", "jo@good.example")).toBe("evil.example");
    expect(hiddenHost("https://good.example@evil.example/", "https://good.example@evil.example/")).toBe("evil.example");
  });

  it("is said where the text is anything but an address of it", () => {
    for (const text of ["here", '"good.example"', "good.example;", "→good.example", "good。example", "10.0.0.1", "evil.example = good.example", "localhost/admin"]) {
      expect(hiddenHost("https://evil.example/", text), text).toBe("evil.example");
    }
  });

  it("is not said where it is what it seems", () => {
    expect(hiddenHost("https://good.example/a/b", "https://good.example/a/b")).toBeUndefined();
    expect(hiddenHost("https://www.good.example/", "good.example")).toBeUndefined();
    expect(hiddenHost("mailto:jo@good.example", "jo@good.example")).toBeUndefined();
    expect(hiddenHost("https://good.example/ü", "https://good.example/ü")).toBeUndefined();
  });

  it("is said in the letters of the network where the text has others", () => {
    expect(hiddenHost("https://g\u043e\u043ed.example/", "https://g\u043e\u043ed.example/")).toBe("xn--gd-fmca.example");
  });
});
