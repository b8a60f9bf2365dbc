import { describe, expect, it } from "vitest";
import { namesLeft, toSent, toWritten } from "./mentions.ts";

const all = [
  { name: "Ana", sent: "<@1>" },
  { name: "Ana Maria", sent: "<@2>" },
  { name: "ops", sent: "<@&3>" },
];

describe("mentions", () => {
  it("are sent for the longest name that is written", () => {
    expect(toSent("@Ana Maria and @ana, and @ops!", all)).toBe("<@2> and <@1>, and <@&3>!");
  });

  it("are left alone in code, behind a backslash and within words", () => {
    for (const text of ["`@Ana`", "```\n@Ana\n```", "\\@Ana", "me@Ana", "@Anabel"]) expect(toSent(text, all)).toBe(text);
    expect(toSent("`a` @Ana `b", all)).toBe("`a` <@1> `b");
  });

  it("of everyone stay what they are, whoever calls himself so", () => {
    expect(toSent("@everyone and @Ana", [...all, { name: "everyone", sent: "<@66>" }])).toBe("@everyone and <@1>");
  });

  it("leave the names that nobody is known by", () => {
    const sent = toSent("@Ana asks @bob.smith, @jo: and @bob.smith. `@code` me@home <@12> @everyone", all);
    expect(namesLeft(sent)).toEqual(["bob.smith", "jo"]);
  });

  it("know the letters of every script, marks of vowels among them", () => {
    expect(namesLeft("@हिना and 𠀀@jo")).toEqual(["हिना"]);
    for (const text of ["𠀀@Ana", "हि@Ana", "@Anaि"]) expect(toSent(text, all)).toBe(text);
  });

  it("are shown by their names, and come back the same", () => {
    const sent = "<@2> and <@&3>, not <@9> or `<@1>`";
    expect(toWritten(sent, all)).toBe("@Ana Maria and @ops, not <@9> or `<@1>`");
    expect(toSent(toWritten(sent, all), all)).toBe(sent);
  });
});
