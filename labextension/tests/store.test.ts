// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { NO_FILTER, visibleRows } from "../src/run/rows";
import { RunStore } from "../src/run/store";
import type { FromPage } from "../src/run/wire";
import { header, node } from "./messages";

let sent: FromPage[];
let store: RunStore;

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  store = new RunStore((message) => sent.push(message));
});

afterEach(() => vi.useRealTimers());

describe("a page that the kernel has not heard", () => {
  it("shows what it is sent, and goes on waiting to be heard", () => {
    store.greet();
    store.take({ type: "reset", seq: 1, heard: false, header: header(), nodes: [node("a", "", 30)], open: ["a"] });
    expect(store.nodes.has("a")).toBe(true);
    expect(store.waiting).toBe(true);
    store.take({ type: "reset", seq: 2, heard: true, header: header(), nodes: [node("a", "", 30)], open: ["a"] });
    expect(store.waiting).toBe(false);
  });
});

describe("somebody who looks at a run", () => {
  it("is told to the kernel, now and then", () => {
    for (let move = 0; move < 50; move += 1) {
      vi.advanceTimersByTime(200);
      store.look();
    }
    expect(sent).toEqual([{ type: "look" }, { type: "look" }]);
  });
});

describe("a page that misses a message", () => {
  beforeEach(() => store.take({ type: "reset", seq: 1, heard: true, header: header(), nodes: [node("a", "", 30)], open: ["a"] }));

  it("asks for everything when a number is left out, once", () => {
    store.take({ type: "diff", seq: 3, nodes: [node("b", "a")], header: null, prompts: [] });
    store.take({ type: "diff", seq: 4, nodes: [], header: null, prompts: [] });
    vi.advanceTimersByTime(1_000);
    expect(sent).toEqual([{ type: "hello", open: ["a"] }]);
    expect(store.nodes.has("b")).toBe(false);
  });

  it("asks for everything when a heartbeat knows a newer number", () => {
    store.take({ type: "heartbeat", seq: 2 });
    vi.advanceTimersByTime(1_000);
    expect(sent).toEqual([{ type: "hello", open: ["a"] }]);
  });

  it("takes messages that have overtaken each other in their order", () => {
    store.take({ type: "diff", seq: 3, nodes: [node("b", "a", 0, 3)], header: null, prompts: [] });
    store.take({ type: "heartbeat", seq: 3 });
    store.take({ type: "diff", seq: 2, nodes: [node("b", "a", 0, 1)], header: null, prompts: [] });
    vi.advanceTimersByTime(1_000);
    expect(sent).toEqual([]);
    expect(store.nodes.get("b")!.phase).toBe(3);
  });

  it("asks nothing while all has come", () => {
    store.take({ type: "diff", seq: 2, nodes: [node("b", "a")], header: null, prompts: [] });
    store.take({ type: "heartbeat", seq: 2 });
    vi.advanceTimersByTime(1_000);
    expect(sent).toEqual([]);
    expect(store.nodes.get("a")!.children).toEqual(["b"]);
  });

  it("keeps what is open and selected over a reset", () => {
    store.take({ type: "diff", seq: 2, nodes: [node("b", "a", 40)], header: null, prompts: [] });
    store.expand("b");
    store.select("b");
    store.take({ type: "heartbeat", seq: 9 });
    vi.advanceTimersByTime(1_000);
    expect(sent.slice(2)).toEqual([{ type: "hello", open: ["a", "b"] }, { type: "select", action: "b" }]);
    store.take({ type: "reset", seq: 10, heard: true, header: header(), nodes: [node("a", "", 30), node("b", "a", 40)], open: ["a", "b"] });
    expect(store.expanded).toEqual(new Set(["a", "b"]));
  });

  it("keeps the end of a log that is too long for a page", () => {
    const store = new RunStore(() => {});
    store.select("a");
    const piece = (letter: string): [number, string, string] => [0, "stdout", letter.repeat(400_000)];
    store.take({ type: "logs", action: "a", first: 0, pieces: [piece("a"), piece("b"), piece("c")], cut: false });
    expect(store.selection!.pieces.map(([, , text]) => text[0])).toEqual(["b", "c"]);
    store.take({ type: "logs", action: "a", first: 3, pieces: [[0, "stdout", "d".repeat(2_000_000)]], cut: false });
    expect(store.selection!.pieces.map(([, , text]) => text[0])).toEqual(["d"]);
    const many = Array.from({ length: 6_000 }, (_, index): [number, string, string] => [0, "stdout", `${index}`]);
    store.take({ type: "logs", action: "a", first: 4, pieces: many, cut: false });
    expect(store.selection!.pieces).toHaveLength(5_000);
    expect(store.selection!.nextPiece).toBe(6_004);
  });

  it("asks for the log from its beginning when pieces are missing", () => {
    store.select("a");
    sent.length = 0;
    store.take({ type: "logs", action: "a", first: 0, pieces: [[0, "stdout", "one"]], cut: false });
    store.take({ type: "logs", action: "a", first: 2, pieces: [[0, "stdout", "three"]], cut: false });
    expect(sent).toEqual([{ type: "select", action: "a" }]);
  });
});

describe("rows", () => {
  beforeEach(() => {
    const nodes = [node("a", "", 20), node("b", "a", 2, 5, "load"), node("c", "a", 0, 3, "clean"), node("d", "b", 0, 5, "read")];
    store.take({ type: "reset", seq: 1, heard: true, header: header(), nodes, open: ["a", "b"] });
  });

  it("are those of opened branches, in order, with their places", () => {
    store.collapse("b");
    const rows = visibleRows(store, NO_FILTER);
    expect(rows.map((row) => [row.node.id, row.depth, row.position, row.siblings, row.expanded])).toEqual([
      ["a", 0, 1, 1, true], ["b", 1, 1, 2, false], ["c", 1, 2, 2, false],
    ]);
    expect(sent).toContainEqual({ type: "close", id: "b" });
  });

  it("under a filter are what matches and what is above it, also in closed branches", () => {
    store.collapse("b");
    const rows = visibleRows(store, { text: "REA", phases: new Set() });
    expect(rows.map((row) => row.node.id)).toEqual(["a", "b", "d"]);
    expect(visibleRows(store, { text: "", phases: new Set([5]) }).map((row) => row.node.id)).toEqual(["a", "b", "d"]);
  });

  it("open small branches by themselves, and large ones only when asked", () => {
    store.take({ type: "diff", seq: 2, nodes: [node("s", "a", 3), node("l", "a", 4000)], header: null, prompts: [] });
    expect(store.expanded.has("s")).toBe(true);
    expect(store.expanded.has("l")).toBe(false);
  });
});

describe("a run with many small branches", () => {
  const branches = Array.from({ length: 3_000 }, (_, index) => node(`b${index}`, "a", 10));
  beforeEach(() =>
    store.take({ type: "reset", seq: 1, heard: true, header: header(), nodes: [node("a", "", 3_000), ...branches], open: ["a"] }));

  it("opens some of them by itself, and not all", () => {
    expect(sent).toHaveLength(20);
  });

  it("is searched with one message, and closed again with one", () => {
    sent.length = 0;
    store.search();
    store.search();
    expect(sent).toEqual([{ type: "open", id: "a", all: true }]);
    store.endSearch();
    store.endSearch();
    expect(sent.slice(1).map((message) => message.type)).toEqual(["hello"]);
  });
});

describe("a report", () => {
  it("grows by chunks and starts anew when it is replaced", () => {
    store.take({ type: "reset", seq: 1, heard: true, header: header(), nodes: [node("a", "")], open: [] });
    store.select("a");
    const chunk = (html: string, replace: boolean) => store.take({ type: "report", action: "a", tab: "main", replace, html });
    chunk("one", true);
    chunk("two", false);
    expect(store.selection!.report.get("main")).toEqual({ epoch: 1, chunks: ["one", "two"] });
    chunk("three", true);
    expect(store.selection!.report.get("main")).toEqual({ epoch: 2, chunks: ["three"] });
  });
});
