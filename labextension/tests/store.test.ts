// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { NO_FILTER } from "../src/run/filter";
import { visibleRows } from "../src/run/rows";
import { RunStore } from "../src/run/store";
import { NodeKind, type FromPage, type LogPiece } from "../src/run/wire";
import { header, node } from "./messages";

let sent: FromPage[];
let store: RunStore;

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  store = new RunStore("r1", (message) => sent.push(message));
});

afterEach(() => vi.useRealTimers());

describe("a page that the kernel has not heard", () => {
  it("shows what it is sent, and goes on waiting to be heard", () => {
    store.greet();
    store.take({ type: "reset", seq: 1, at_ms: Date.now(), heard: false, header: header(), nodes: [node("a", "", 30)], open: ["a"] });
    expect(store.nodes.has("a")).toBe(true);
    expect(store.waiting).toBe(true);
    store.take({ type: "reset", seq: 2, at_ms: Date.now(), heard: true, header: header(), nodes: [node("a", "", 30)], open: ["a"] });
    expect(store.waiting).toBe(false);
  });
});

describe("somebody who looks at a run", () => {
  it("is told to the kernel, now and then", () => {
    for (let move = 0; move < 50; move += 1) {
      vi.advanceTimersByTime(200);
      store.reader.look();
    }
    expect(sent).toEqual([{ type: "look", uses: false }, { type: "look", uses: false }]);
  });

  it("and does something with it is told once, and again to a kernel that is asked anew", () => {
    store.reader.use();
    store.reader.use();
    store.leave();
    store.greet();
    expect(sent).toEqual([{ type: "look", uses: true }, { type: "leave" }, { type: "hello", open: [] }, { type: "look", uses: true }]);
  });
});

describe("a page that has left and comes back", () => {
  it("takes another conversation, whose numbers begin anew", () => {
    const everything = (seq: number, task: string) =>
      store.take({ type: "reset", seq, at_ms: Date.now(), heard: true, header: header({ task }), nodes: [node("a", "")], open: ["a"] });
    store.greet();
    everything(40, "env.first");
    store.leave();
    store.greet();
    everything(1, "env.second");
    expect(store.header!.task).toBe("env.second");
  });
});

describe("a run that has failed", () => {
  const begin = () => {
    store.take({ type: "reset", seq: 1, at_ms: Date.now(), heard: true, header: header(), nodes: [node("a", "", 30), node("b", "a", 30)], open: ["a"] });
    sent.length = 0;
  };
  const finish = (seq: number) =>
    store.take({ type: "diff", seq, nodes: [], header: header({ phase: 5, failed_in: ["a", "b", "c"] }), prompts: [] });

  it("is opened where it failed", () => {
    begin();
    finish(2);
    expect(sent).toEqual([{ type: "open", id: "b", all: false }, { type: "open", id: "c", all: false }]);
  });

  it("stays as the reader has left it", () => {
    begin();
    store.collapse("b");
    sent.length = 0;
    finish(2);
    expect(sent).toEqual([]);
  });

  it("is opened where it failed in a branch that the reader has closed and opened again", () => {
    begin();
    store.collapse("b");
    store.expand("b");
    sent.length = 0;
    finish(2);
    expect(sent).toEqual([{ type: "open", id: "c", all: false }]);
  });
});

describe("a page that misses a message", () => {
  beforeEach(() => store.take({ type: "reset", seq: 1, at_ms: Date.now(), heard: true, header: header(), nodes: [node("a", "", 30)], open: ["a"] }));

  it("asks for everything when a number is left out, once", () => {
    store.take({ type: "diff", seq: 3, nodes: [node("b", "a")], header: null, prompts: [] });
    store.take({ type: "diff", seq: 4, nodes: [], header: null, prompts: [] });
    vi.advanceTimersByTime(1_000);
    expect(sent).toEqual([{ type: "hello", open: ["a"] }]);
    expect(store.nodes.has("b")).toBe(false);
  });

  it("asks for everything when a heartbeat knows a newer number", () => {
    store.take({ type: "heartbeat", seq: 2, at_ms: Date.now() });
    vi.advanceTimersByTime(1_000);
    expect(sent).toEqual([{ type: "hello", open: ["a"] }]);
  });

  it("takes messages that have overtaken each other in their order", () => {
    store.take({ type: "diff", seq: 3, nodes: [node("b", "a", 0, 3)], header: null, prompts: [] });
    store.take({ type: "heartbeat", seq: 3, at_ms: Date.now() });
    store.take({ type: "diff", seq: 2, nodes: [node("b", "a", 0, 1)], header: null, prompts: [] });
    vi.advanceTimersByTime(1_000);
    expect(sent).toEqual([]);
    expect(store.nodes.get("b")!.phase).toBe(3);
  });

  it("asks nothing while all has come", () => {
    store.take({ type: "diff", seq: 2, nodes: [node("b", "a")], header: null, prompts: [] });
    store.take({ type: "heartbeat", seq: 2, at_ms: Date.now() });
    vi.advanceTimersByTime(1_000);
    expect(sent).toEqual([]);
    expect(store.nodes.get("a")!.children).toEqual(["b"]);
  });

  it("has the children of an open branch sent again that a reset did not know and that comes later", () => {
    store.take({
      type: "reset", seq: 1, at_ms: Date.now(), heard: true, header: header(), open: ["a", "b"],
      nodes: [node("a", "", 30), node("b", "a", 30), node("c", "b", 30)],
    });
    store.expand("c");
    store.take({ type: "reset", seq: 2, at_ms: Date.now(), heard: true, header: header(), nodes: [node("a", "", 30)], open: ["a"] });
    sent.length = 0;
    store.take({ type: "diff", seq: 3, nodes: [node("b", "a", 30), node("c", "b", 30)], header: null, prompts: [] });
    expect(sent).toContainEqual({ type: "open", id: "c", all: false });
  });

  it("keeps what is open and selected over a reset", () => {
    store.take({ type: "diff", seq: 2, nodes: [node("b", "a", 40)], header: null, prompts: [] });
    store.expand("b");
    store.reader.select("b");
    store.take({ type: "heartbeat", seq: 9, at_ms: Date.now() });
    vi.advanceTimersByTime(1_000);
    expect(sent.slice(3)).toEqual([{ type: "hello", open: ["a", "b"] }, { type: "look", uses: true }, { type: "select", action: "b" }]);
    store.take({ type: "reset", seq: 10, at_ms: Date.now(), heard: true, header: header(), nodes: [node("a", "", 30), node("b", "a", 40)], open: ["a", "b"] });
    expect(store.expanded).toEqual(new Set(["a", "b"]));
  });

  describe("and then the answer to that", () => {
    const hellos = () => sent.filter(({ type }) => type === "hello").length;
    const beat = (seconds: number) => {
      for (let second = 0; second < seconds; second += 1) {
        store.take({ type: "heartbeat", seq: 9, at_ms: Date.now() });
        vi.advanceTimersByTime(1_000);
      }
    };
    beforeEach(() => {
      store.take({ type: "diff", seq: 3, nodes: [node("b", "a")], header: null, prompts: [] });
      vi.advanceTimersByTime(500);
    });

    it("asks again, ever less often, until it comes", () => {
      expect(hellos()).toBe(1);
      beat(8);
      expect(hellos()).toBe(4);
      store.take({ type: "reset", seq: 9, at_ms: Date.now(), heard: true, header: header(), nodes: [node("a", "", 30)], open: ["a"] });
      beat(600);
      expect(hellos()).toBe(4);
    });

    it("says that what it shows is not the newest, and its clock stands still", () => {
      const [now, known] = [Date.now(), store.knownUntil(Date.now() + 60_000)];
      beat(10);
      expect(store.silentSince(Date.now())).toBeGreaterThanOrEqual(now - 500);
      expect(store.knownUntil(Date.now())).toBeLessThanOrEqual(known);
      store.take({ type: "reset", seq: 9, at_ms: Date.now(), heard: true, header: header(), nodes: [node("a", "", 30)], open: ["a"] });
      expect(store.silentSince(Date.now())).toBe(0);
    });

    it("asks no more once it shows the run no longer", () => {
      store.leave();
      sent.length = 0;
      vi.advanceTimersByTime(600_000);
      expect(sent).toEqual([]);
    });
  });

  it("has a branch sent again that was closed while everything came anew, and opened after that", () => {
    store.take({ type: "diff", seq: 2, nodes: [node("b", "a", 40)], header: null, prompts: [] });
    store.expand("b");
    store.greet();
    store.collapse("b");
    sent.length = 0;
    store.take({ type: "reset", seq: 3, at_ms: Date.now(), heard: true, header: header(), nodes: [node("a", "", 30), node("b", "a", 40)], open: ["a", "b"] });
    store.expand("b");
    expect(sent).toEqual([{ type: "open", id: "b", all: false }]);
  });
});

describe("a row that still waits for the one above it when everything comes anew", () => {
  it("comes anew too, and not as it was", () => {
    const everything = (seq: number) =>
      store.take({ type: "reset", seq, at_ms: Date.now(), heard: true, header: header(), nodes: [node("a", "", 1, 1)], open: ["a"] });
    everything(1);
    store.take({ type: "diff", seq: 2, nodes: [node("c", "p", 0, 1)], header: null, prompts: [] });
    everything(3);
    store.take({ type: "diff", seq: 4, nodes: [node("p", "a", 1, 3)], header: null, prompts: [] });
    expect(store.nodes.has("c")).toBe(false);
  });
});

describe("details that are lost", () => {
  const details = { action: "b", task: "env.b", placement: "", context: [], inputs: [], outputs: [], attempts: [], links: [], tabs: [], notes: [], failure: null, can_abort: false };
  const asked = () => sent.splice(0).filter(({ type }) => type === "select");
  beforeEach(() => {
    store.reader.select("a");
    store.reader.select("b");
    sent.length = 0;
  });

  it("are asked for again, ever less often, until they come", () => {
    vi.advanceTimersByTime(15_000);
    expect(asked()).toEqual([{ type: "select", action: "b" }, { type: "select", action: "b" }]);
    store.take({ type: "details", ...details });
    vi.advanceTimersByTime(600_000);
    expect(asked()).toEqual([]);
  });

  it("are not where the kernel says why there are none, or nothing is selected any more", () => {
    store.take({ type: "notice", level: "error", text: "'b' cannot be shown", about: "" });
    vi.advanceTimersByTime(60_000);
    store.reader.select("a");
    store.reader.select("");
    sent.length = 0;
    vi.advanceTimersByTime(60_000);
    expect(asked()).toEqual([]);
  });
});

describe("a row that comes before the one above it", () => {
  const keys = () => visibleRows(store, NO_FILTER).map(({ key }) => key);
  beforeEach(() => {
    const counts = [0, 4, 0, 0, 0, 0, 0, 0];
    store.take({ type: "reset", seq: 1, at_ms: Date.now(), heard: true, header: header({ counts }), nodes: [node("a", "", 1, 1), node("g", "a", 1, 1)], open: ["a"] });
    store.expand("g");
    store.expand("p");
    store.take({ type: "diff", seq: 2, nodes: [node("c", "p", 0, 1)], header: null, prompts: [] });
  });

  it("is not shown, and counts as not read", () => {
    expect(keys()).toEqual(["a", "g", "g unread"]);
    expect(store.unread).toBe(2);
  });

  it("is in its place when that has come, as it was last told of", () => {
    store.take({ type: "diff", seq: 3, nodes: [node("c", "p", 0, 3)], header: null, prompts: [] });
    store.take({ type: "diff", seq: 4, nodes: [node("p", "g", 1, 1)], header: null, prompts: [] });
    expect(keys()).toEqual(["a", "g", "p", "c"]);
    expect(store.nodes.get("c")!.phase).toBe(3);
    expect(store.unread).toBe(0);
  });
});

describe("a log", () => {
  const piece = (number: number, text = `line ${number}`): LogPiece => [0, "stdout", text, number];
  const logs = (after: number, pieces: LogPiece[], cut = false) =>
    store.take({ type: "logs", action: "a", after, up_to: pieces.at(-1)![3], pieces, cut });
  const numbers = () => store.reader.selection!.pieces.map(([, , , number]) => number);
  beforeEach(() => {
    store.reader.select("a");
    sent.length = 0;
  });

  it("that is too long for a page keeps its end", () => {
    const texts = () => store.reader.selection!.pieces.map(([, , text]) => text[0]);
    logs(0, [piece(1, "a".repeat(400_000)), piece(2, "b".repeat(400_000)), piece(3, "c".repeat(400_000))]);
    expect(texts()).toEqual(["b", "c"]);
    expect(store.reader.selection!.cut).toBe(true);
    logs(3, [piece(4, "d".repeat(2_000_000))]);
    expect(texts()).toEqual(["d"]);
    logs(4, Array.from({ length: 6_000 }, (_, index) => piece(index + 5)));
    expect(numbers()).toHaveLength(5_000);
    expect(numbers().at(-1)).toBe(6_004);
  });

  it("is asked for anew when pieces are missing", () => {
    logs(0, [piece(1)]);
    logs(2, [piece(3)]);
    expect(sent).toEqual([{ type: "select", action: "a" }]);
  });

  it("stays where it is while it is asked for anew, and takes what is new", () => {
    logs(0, [piece(7), piece(9)], true);
    store.greet();
    expect(numbers()).toEqual([7, 9]);
    logs(0, [piece(9), piece(12)], true);
    expect(numbers()).toEqual([7, 9, 12]);
    logs(0, [piece(20)], true);
    expect(numbers()).toEqual([20]);
  });

  it("is shown further back when somebody asks, and keeps that", () => {
    logs(0, [piece(50), piece(51)], true);
    store.reader.askEarlierLogs();
    expect(sent).toEqual([{ type: "ask_earlier_logs", action: "a", before: 50 }]);
    store.take({ type: "earlier_logs", action: "a", before: 50, pieces: [piece(48, "x".repeat(2_000_000)), piece(49)], cut: false });
    store.take({ type: "earlier_logs", action: "a", before: 50, pieces: [piece(48), piece(49)], cut: false });
    logs(51, [piece(52)]);
    expect(numbers()).toEqual([48, 49, 50, 51, 52]);
    expect(store.reader.selection!.cut).toBe(false);
  });
});

describe("rows", () => {
  beforeEach(() => {
    const nodes = [node("a", "", 2), node("b", "a", 1, 5, "load"), node("c", "a", 0, 3, "clean"), node("d", "b", 0, 5, "read")];
    store.take({ type: "reset", seq: 1, at_ms: Date.now(), heard: true, header: header(), nodes, open: ["a", "b"] });
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

  it("that are found by their phase are as many as were counted: no folder that looks like what is in it", () => {
    store.take({ type: "diff", seq: 2, nodes: [["g", "a", NodeKind.GROUP, "map", 5, 0, 10, 1, 0, 1, [], ""], node("e", "g", 0, 5)], header: null, prompts: [] });
    const found = visibleRows(store, { text: "", phases: new Set([5]) }).filter((row) => row.matches);
    expect(found.map((row) => row.node.id)).toEqual(["b", "d", "e"]);
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
    store.take({ type: "reset", seq: 1, at_ms: Date.now(), heard: true, header: header(), nodes: [node("a", "", 3_000), ...branches], open: ["a"] }));

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
  beforeEach(() => {
    store.take({ type: "reset", seq: 1, at_ms: Date.now(), heard: true, header: header(), nodes: [node("a", "")], open: [] });
    store.reader.select("a");
  });
  const chunk = (edition: number, first: number, ...pieces: string[]) =>
    store.take({ type: "report", action: "a", tab: "main", edition, first, pieces });
  const main = () => store.reader.selection!.report.get("main")!;

  it("grows by pieces and starts anew when it is replaced", () => {
    chunk(0, 0, "one");
    chunk(0, 1, "two");
    expect(main()).toEqual({ edition: 0, frame: 0, chunks: ["one", "two"] });
    chunk(1, 0, "three");
    expect(main()).toEqual({ edition: 1, frame: 0, chunks: ["three"] });
  });

  it("keeps its frame until scripts have run there and another edition comes", () => {
    chunk(0, 0, "one");
    chunk(1, 0, "two");
    chunk(1, 1, "<script>three()</script>");
    expect(main().frame).toBe(0);
    chunk(2, 0, "four");
    expect(main().frame).toBe(1);
    chunk(3, 0, "<script>five()</script>");
    expect(main().frame).toBe(1);
  });

  it("stays, and takes only what is new, when everything is asked for anew", () => {
    chunk(0, 0, "one", "two");
    const before = main();
    store.greet();
    expect(main()).toBe(before);
    chunk(0, 0, "one", "two", "three");
    expect(main()).toBe(before);
    expect(before.chunks).toEqual(["one", "two", "three"]);
  });

  it("is asked for anew when a piece is missing", () => {
    chunk(0, 0, "one");
    sent.length = 0;
    chunk(0, 2, "three");
    expect(sent).toEqual([{ type: "select", action: "a" }]);
    expect(main().chunks).toEqual(["one"]);
  });
});
