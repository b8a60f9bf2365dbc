import { describe, expect, it } from "vitest";
import { emojiByCode } from "./data.ts";
import { replaceCodes } from "./codes.ts";

const KNOWN: Record<string, string> = { tada: "🎉", "+1": "👍", heart: "❤️", "30": "⏰" };
const written = (text: string) => replaceCodes(text, (code) => KNOWN[code]);

describe("codes of emoji", () => {
  it("become what they stand for, however many there are", () => {
    expect(written("done :tada:")).toBe("done 🎉");
    expect(written(":+1::heart: (:TADA:)")).toBe("👍❤️ (🎉)");
  });

  it("stay where they are none: unknown, in a word, a time, an address or code", () => {
    for (const text of ["so :nothing:", "std::heart::x", "10:30:45", "http://a/:heart:", "`:tada:`", "```\n:tada:\n```"]) {
      expect(written(text)).toBe(text);
    }
  });

  it("are those that people know from elsewhere, and the names of the emoji", async () => {
    const codes = await emojiByCode();
    expect(codes.get("smile")).toBe("😄");
    expect(codes.get("tada")).toBe("🎉");
    expect(codes.get("+1")).toBe("👍️");
    expect(codes.get("thumbsup")).toBe("👍️");
    expect(codes.get("party_popper")).toBe("🎉");
  });
});
