import type { Message, Row, UserId } from "confab-client";
import { describe, expect, it, vi } from "vitest";
import { read } from "../../app/route.ts";
import { chord, keyNames } from "../../kit/chord.ts";
import { speak } from "../../lang/index.ts";
import { rank } from "../shell/rank.ts";
import { swipeOf } from "../shell/swipe.ts";
import { anchorAt, isAtEnd, scrollTo } from "./anchor.ts";
import { drawnOf } from "./drawn.ts";
import { keepLines, linesOf } from "./lines.ts";

const MINUTE = 60_000;
const START = Date.UTC(2026, 2, 3, 12) - Date.UTC(2026, 0, 1);

function row(seq: number, author: number, minutes: number, reply: number | null = null): Row {
  const message = {
    message_id: (START + minutes * MINUTE) * 4096 + seq,
    seq,
    author_id: author as UserId,
    reply_to: reply,
  } as unknown as Message;
  return { key: String(seq), message, send: null };
}

const shape = (rows: Row[], unread: number | null = null) =>
  linesOf(rows, 1, unread).map((line) => (line.kind === "row" ? `${line.key}${line.first ? "*" : ""}` : line.kind));

describe("lines", () => {
  it("group what one author says within seven minutes", () => {
    expect(shape([row(1, 2, 0), row(2, 2, 6), row(3, 2, 14), row(4, 3, 15)])).toEqual(["day", "1*", "2", "3*", "4*"]);
  });

  it("begin a group with a reply, a day and the divider", () => {
    expect(shape([row(1, 2, 0), row(2, 2, 1, 1), row(3, 2, 2), row(4, 2, 3)], 3)).toEqual(["day", "1*", "2*", "3", "new", "4*"]);
    expect(shape([row(1, 2, 0), row(2, 2, 24 * 60)])).toEqual(["day", "1*", "day", "2*"]);
  });

  it("do not call new what the reader said", () => {
    expect(shape([row(1, 2, 0), row(2, 1, 1), row(3, 2, 2)], 1)).toEqual(["day", "1*", "2*", "new", "3*"]);
    expect(shape([row(2, 1, 1)], 1)).toEqual(["day", "2*"]);
  });
});

describe("the anchor", () => {
  const places = [0, 1, 2, 3, 4].map((index) => ({ key: `k${index}`, top: index * 100, height: 100 }));

  it("is what is seen", () => {
    expect(anchorAt(places, 150, 200)).toEqual([{ key: "k1", offset: -50 }, { key: "k2", offset: 50 }, { key: "k3", offset: 150 }]);
  });

  it("stays where it was when rows come above", () => {
    const anchor = anchorAt(places, 150, 200);
    expect(scrollTo(anchor, 1000, 200, (key) => (key === "k1" ? 400 : undefined))).toBe(450);
  });

  it("holds on to the next row when the first is gone", () => {
    const anchor = anchorAt(places, 150, 200);
    expect(scrollTo(anchor, 1000, 200, (key) => (key === "k2" ? 100 : undefined))).toBe(50);
    expect(scrollTo(anchor, 1000, 200, () => undefined)).toBeUndefined();
  });

  it("holds on to the first row only where no other is seen", () => {
    expect(anchorAt(places, 0, 150).map(({ key }) => key)).toEqual(["k1", "k0"]);
    expect(anchorAt(places, 0, 50).map(({ key }) => key)).toEqual(["k0"]);
  });

  it("follows the end only from the end", () => {
    expect(isAtEnd(752, 200, 1000)).toBe(false);
    expect(isAtEnd(760, 200, 1000)).toBe(true);
    expect(scrollTo("end", 1000, 200, () => undefined)).toBe(800);
  });
});

describe("lines that are drawn again", () => {
  it("are the same where they say the same", () => {
    const rows = [row(1, 1, 0), row(2, 1, 1)];
    const before = keepLines(new Map(), linesOf(rows, 1, null));
    const older = row(0, 1, -1);
    const after = keepLines(before, linesOf([older, ...rows.map((known) => ({ ...known }))], 1, null));
    const same = [...after.keys()].filter((key) => before.get(key) === after.get(key));
    // The first one begins no group any more, and the line of the day has another time.
    expect(same).toEqual([rows[1]?.key]);
  });
});

describe("addresses", () => {
  it("name a place or an invite, and nothing else", () => {
    expect(read("/c/1/2/3")).toEqual({ at: "channel", server: 1, channel: 2, message: 3 });
    expect(read("/c/1")).toEqual({ at: "server", server: 1 });
    expect(read("/i/ab_C-1")).toEqual({ at: "invite", code: "ab_C-1" });
    for (const path of ["/", "/index.html"]) expect(read(path)).toEqual({ at: "home" });
    for (const path of ["/foo", "/c/x", "/c/01", "/i/", "/i/a b", "/c/1/2/3/4"]) expect(read(path)).toEqual({ at: "nowhere" });
  });
});

describe("keys", () => {
  const press = (code: string, more: Partial<KeyboardEvent> = {}) =>
    chord({ key: "", code, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });

  it("are named by their place, the Mac's command key as Ctrl", () => {
    expect(press("KeyK", { metaKey: true })).toBe("Ctrl+KeyK");
    expect(press("ArrowUp", { altKey: true, shiftKey: true })).toBe("Alt+Shift+ArrowUp");
    expect(press("Slash", { ctrlKey: true, key: "/" })).toBe("Ctrl+Slash");
    expect(press("Digit7", { ctrlKey: true, shiftKey: true, key: "/" })).toBe("Ctrl+Slash");
    expect(press("Slash", { ctrlKey: true, key: "-" })).not.toBe("Ctrl+Slash");
    expect(keyNames("Ctrl+KeyK", false)).toBe("Ctrl K");
    expect(keyNames("Ctrl+Alt+ArrowUp", true)).toBe("⌘ ⌥ ↑");
    expect(keyNames("Plus", false)).toBe("+");
  });

  it("are called as the keyboards of the reader's country call them", async () => {
    vi.stubGlobal("document", { documentElement: {} });
    await speak("de");
    expect(keyNames("Ctrl+Shift+KeyU", false)).toBe("Strg Umschalt U");
    expect(keyNames("Delete", false)).toBe("Entf");
    await speak("en");
    expect(keyNames("Shift+Enter", false)).toBe("Shift Enter");
    vi.unstubAllGlobals();
  });
});

describe("the quick switcher", () => {
  it("puts a name that begins so before one that holds it", () => {
    expect(rank(["#big-gateway", "#gateway", "#agate", "#other"], "gate", (name) => name)).toEqual(["#gateway", "#big-gateway", "#agate"]);
    expect(rank(["Zürich"], "zur", (name) => name)).toEqual(["Zürich"]);
  });
});

describe("a swipe", () => {
  it("begins away from the edges and goes across", () => {
    expect(swipeOf({ x: 100, y: 10 }, { x: 220, y: 20 }, 360)).toBe("right");
    expect(swipeOf({ x: 300, y: 10 }, { x: 200, y: 20 }, 360)).toBe("left");
    expect(swipeOf({ x: 10, y: 10 }, { x: 220, y: 20 }, 360)).toBeUndefined();
    expect(swipeOf({ x: 100, y: 10 }, { x: 200, y: 90 }, 360)).toBeUndefined();
  });
});

describe("what is drawn first", () => {
  const keys = Array.from({ length: 300 }, (_, at) => String(at));
  it("is the end, and at last all", () => {
    expect(drawnOf(keys, 240)).toEqual(keys.slice(240));
    expect(drawnOf(keys, 0)).toBe(keys);
  });
  it("is all of a window that came in its place and is short", () => {
    expect(drawnOf(keys.slice(0, 40), 240)).toHaveLength(40);
    expect(drawnOf(keys.slice(0, 100), 240)).toEqual(keys.slice(40, 100));
  });
});
