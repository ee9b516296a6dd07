// @vitest-environment jsdom
import { h, render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { runShownBy } from "../src/lab/open_runs";
import { choiceFrom } from "../src/panel/choice";
import { placesBetween, topOf } from "../src/panel/list_layout";
import { Panel } from "../src/panel/panel";
import { dayName } from "../src/panel/run_list";
import type { Happening } from "../src/panel/happenings";
import { Pile } from "../src/panel/pile";
import { RunConnection } from "../src/panel/run_connection";
import { RunsStore } from "../src/panel/runs_store";
import type { ListNews, RunLine, Wanted } from "../src/panel/wire";

class Socket {
  static readonly OPEN = 1;
  readyState = 1;
  sent: Wanted[] = [];
  onopen = () => undefined;
  onmessage = (_: { data: string }) => undefined;
  onclose = (_: { code: number }) => undefined;
  send(text: string): void { this.sent.push(JSON.parse(text) as Wanted); }
  close(): void { this.readyState = 3; }
}

function line(name: string, changes: Partial<RunLine> = {}): RunLine {
  return {
    name, task: "etl.main", phase: "succeeded", created_at: 1_000, ended_at: 1_002, source: "study.ipynb", labels: {}, rerun_of: "",
    host: "here", interrupted: false, can_resume: false, paused_s: 0, ...changes,
  };
}

const question = {
  action: "a0", prompt: "p1", name: "release", kind: "bool", html: "<p>Release?</p><img src=x onerror=alert(1)>",
  expires_at_ms: Date.now() + 60_000, answer: "", answered_by: "", answered_at_ms: -1, standing: "open",
};

let sockets: Socket[];
let asked: [string, string, unknown][];
let answers: Record<string, unknown>;
let store: RunsStore;
let page: HTMLElement;
let opened: string[];

const say = async (message: ListNews) => act(() => sockets.at(-1)!.onmessage({ data: JSON.stringify(message) }));

beforeEach(async () => {
  vi.stubGlobal("WebSocket", Socket);
  vi.stubGlobal("ResizeObserver", class { observe() {} disconnect() {} });
  sockets = [];
  asked = [];
  answers = {};
  opened = [];
  store = new RunsStore({
    socket: () => { sockets.push(new Socket()); return sockets.at(-1) as unknown as WebSocket; },
    ask: async (path, method = "GET", body = undefined) => {
      asked.push([method, path, body]);
      const answer = answers[path];
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  page = document.createElement("div");
  document.body.append(page);
  await act(() => render(h(Panel, { store, doors: { openRun: (name) => opened.push(name), resume: (name) => store.resume(name), confirm: async () => true } }), page));
  await act(() => sockets[0]!.onopen());
});

afterEach(() => {
  render(null, page);
  page.remove();
  store.close();
  vi.unstubAllGlobals();
});

describe("the panel", () => {
  it("says what to do first where there are no runs", async () => {
    await say({ type: "runs", total: 0, offset: 0, runs: [], days: [] });
    expect(page.textContent).toContain("Run a task in a notebook");
  });

  it("says what keeps runs from being read for as long as it does", async () => {
    await say({ type: "trouble", text: "The journal has format 999." });
    expect(page.querySelector("[role=alert]")!.textContent).toBe("The journal has format 999.");
    expect(page.textContent).not.toContain("Reading");
    await say({ type: "trouble", text: "" });
    expect(page.querySelector("[role=alert]")).toBeNull();
  });

  it("draws of ten thousand runs those that can be seen, by day", async () => {
    const runs = Array.from({ length: 120 }, (_, index) => line(`r${index}`));
    await say({ type: "runs", total: 10_000, offset: 0, runs, days: [[20_000, 4_000], [19_999, 6_000]] });
    const drawn = page.querySelectorAll("[role=gridcell]").length;
    expect(drawn).toBeGreaterThan(10);
    expect(drawn).toBeLessThan(40);
    expect(page.querySelectorAll("[role=rowheader]")).toHaveLength(1);
  });

  it("leaves pauses out of how long a run took", async () => {
    const runs = [line("r1", { ended_at: 4_610, paused_s: 3_600 })];
    await say({ type: "runs", total: 1, offset: 0, runs, days: [[1, 1]] });
    expect(page.querySelector(".fnb-runs .fnb-elapsed")!.textContent).toBe("10.0 s");
  });

  it("shows names as text", async () => {
    await say({ type: "runs", total: 1, offset: 0, runs: [line("<img src=x>", { task: "e.<b>x</b>" })], days: [[1, 1]] });
    expect(page.querySelector("img")).toBeNull();
    expect(page.querySelector("b")).toBeNull();
    expect(page.textContent).toContain("<img src=x>");
  });

  it("answers a question where it stands, and says what is wrong with an answer", async () => {
    await say({ type: "inbox", at_ms: Date.now(), waiting: [{ run: "r1", task: "etl.main", source: "", question }] });
    expect(page.querySelector(".fnb-badge")!.textContent).toBe("1");
    expect(page.querySelector("img")).toBeNull();
    answers["api/runs/r1/answer"] = new Error("already answered");
    await act(async () => page.querySelector<HTMLButtonElement>("form button")!.click());
    expect(asked).toContainEqual(["POST", "api/runs/r1/answer", { prompt: "p1", value: "true" }]);
    expect(page.querySelector("form [role=alert]")!.textContent).toBe("already answered");
  });

  it("takes an answer for as long as the server's clock says, whatever the time is here", async () => {
    const ago = Date.now() - 3_600_000;
    const asked = { run: "r1", task: "etl.main", source: "", question: { ...question, expires_at_ms: ago + 60_000 } };
    await say({ type: "inbox", at_ms: ago, waiting: [asked] });
    expect(page.querySelectorAll("form button").length).toBeGreaterThan(0);
    expect(page.textContent).not.toContain("nobody answered in time");
  });

  it("takes an answer for an interrupted run, and says that it is kept once its question is gone", async () => {
    const waiting = { run: "r1", task: "etl.main", source: "", question: { ...question, standing: "stopped" } };
    await say({ type: "inbox", at_ms: Date.now(), waiting: [waiting] });
    expect(page.querySelector("form")!.textContent).toContain("an answer is kept until it is resumed");
    answers["api/runs/r1/answer"] = { status: "kept: run 'r1' has ended" };
    await act(async () => page.querySelector<HTMLButtonElement>("form button")!.click());
    await say({ type: "inbox", at_ms: Date.now(), waiting: [] });
    expect(page.querySelector(".fnb-notice")!.textContent).toContain("kept: run 'r1' has ended");
    await say({ type: "running", runs: [line("r2", { phase: "running" })] });
    expect(page.querySelectorAll(".fnb-notice")).toHaveLength(1);
    await say({ type: "running", runs: [line("r1", { phase: "running" })] });
    expect(page.querySelectorAll(".fnb-notice")).toHaveLength(0);
  });

  it("shows each run once: those that go on above the list, unless they are looked for", async () => {
    await say({ type: "runs", total: 0, offset: 0, days: [], runs: [] });
    await say({ type: "running", runs: [line("r1", { phase: "running" })] });
    expect(sockets[0]!.sent.at(-1)!.chosen.phases).toEqual(["failed", "timed_out", "aborted", "succeeded", "recovered"]);
    expect(page.textContent).not.toContain("No runs yet");
    const heading = () => page.querySelector("h2")?.textContent;
    expect(heading()).toBe("Running now 1");
    await act(() => store.choose({ text: "main", groups: [], task: "", source: "" }));
    expect(sockets[0]!.sent.at(-1)!.chosen.phases).toEqual([]);
    expect(heading()).toBeUndefined();
    await act(() => store.choose({ text: "main", groups: ["failed"], task: "", source: "" }));
    expect(heading()).toBe("Running now 1");
  });

  it("says a warning once, however often it connects", async () => {
    const warning = { type: "notice" as const, level: "warning", text: "on a network", about: "" };
    await say(warning);
    await say(warning);
    expect(page.querySelectorAll(".fnb-notice")).toHaveLength(1);
  });

  it("has Resume for all that can be resumed, failed and aborted runs too", async () => {
    const runs = [line("failed", { phase: "failed", can_resume: true }), line("aborted", { phase: "aborted", can_resume: true }), line("fine")];
    await say({ type: "runs", total: 3, offset: 0, days: [[1, 3]], runs });
    const lines = [...page.querySelectorAll(".fnb-runs .fnb-line")];
    expect(lines.map((one) => one.textContent!.includes("Resume"))).toEqual([true, true, false]);
    const resume = lines[0]!.querySelector<HTMLButtonElement>(".fnb-clickable")!;
    await act(() => resume.click());
    expect(asked).toContainEqual(["POST", "api/runs/failed/resume", undefined]);
  });

  it("shows an interrupted run as such, with Resume", async () => {
    await say({ type: "runs", total: 1, offset: 0, days: [[1, 1]], runs: [line("r1", { phase: "aborted", interrupted: true, can_resume: true })] });
    expect(page.querySelector(".fnb-line")!.textContent).toContain("interrupted");
    await act(async () => page.querySelector<HTMLButtonElement>(".fnb-line .fnb-clickable")!.click());
    expect(asked).toContainEqual(["POST", "api/runs/r1/resume", undefined]);
    expect(opened).toEqual([]);
  });

  it("asks anew for what was chosen when the connection was lost", async () => {
    vi.useFakeTimers();
    store.choose({ text: "", groups: ["failed"], task: "", source: "" });
    await act(() => sockets[0]!.onclose({ code: 1006 }));
    expect(page.textContent).toContain("cannot be reached");
    vi.advanceTimersByTime(1_000);
    vi.useRealTimers();
    await act(() => sockets[1]!.onopen());
    expect(sockets[1]!.sent[0]!.chosen.phases).toEqual(["failed", "timed_out"]);
    expect(page.textContent).not.toContain("cannot be reached");
  });
});

describe("what happened elsewhere", () => {
  it("is told of runs that ended and of new questions, and not of old ones", async () => {
    const happened: Happening[] = [];
    store.watch((happening) => happened.push(happening));
    const waiting = { run: "r1", task: "etl.main", source: "", question };
    await say({ type: "inbox", at_ms: Date.now(), waiting: [waiting] });
    await say({ type: "running", runs: [line("r1", { phase: "running" })] });
    expect(happened).toEqual([]);
    answers["api/runs/r1"] = line("r1", { phase: "failed" });
    await say({ type: "running", runs: [] });
    await say({ type: "inbox", at_ms: Date.now(), waiting: [waiting, { ...waiting, run: "r2" }] });
    expect(happened.map((one) => (one.kind === "ended" ? one.run.phase : one.waiting.run))).toEqual(["failed", "r2"]);
    await say({ type: "inbox", at_ms: Date.now(), waiting: [waiting] });
    expect(happened.at(-1)).toMatchObject({ kind: "settled", waiting: { run: "r2" } });
  });

  it("is told together where it is much, and no more when nobody needs to know", () => {
    vi.useFakeTimers();
    const board = new Map<string, string>();
    let emitted = 0;
    const pile = new Pile({
      emit: (text) => { board.set(`n${(emitted += 1)}`, text); return `n${emitted}`; },
      update: (id, text) => board.has(id) && board.set(id, text).has(id),
      dismiss: (id) => board.delete(id),
    }, false, (count) => `${count} questions wait`, () => undefined);
    const shown = () => {
      vi.advanceTimersByTime(1_000);
      return [...board.values()];
    };
    for (const number of [1, 2, 3]) pile.add(`q${number}`, [`question ${number}`, "info"], number, () => undefined);
    expect(shown()).toEqual(["question 1", "question 2", "question 3"]);
    pile.remove("q2", 2);
    expect(shown()).toEqual(["question 1", "question 3"]);
    for (const number of [4, 5]) pile.add(`q${number}`, [`question ${number}`, "info"], number - 1, () => undefined);
    expect(shown()).toEqual(["4 questions wait"]);
    expect(emitted).toBe(4);
    pile.remove("q1", 3);
    expect(shown()).toEqual(["3 questions wait"]);
    board.clear(); // somebody has closed it
    pile.add("q7", ["question 7", "info"], 4, () => undefined);
    expect(shown()).toEqual(["4 questions wait"]);
    expect(emitted).toBe(5);
    pile.remove("q7", 3);
    pile.remove("q3", 0);
    expect(shown()).toEqual([]);
    pile.add("q6", ["question 6", "info"], 1, () => undefined);
    pile.remove("q6", 0);
    expect(shown()).toEqual([]);
    expect(emitted).toBe(5);
    vi.useRealTimers();
  });
});

describe("a picture", () => {
  it("says which run it shows, whatever that is called", () => {
    const row = document.createElement("code");
    for (const name of ["plain", "two words", "größe", "a.b-c"]) {
      row.textContent = `flyte.show("${name}")`;
      expect(runShownBy(row)).toBe(name);
    }
    row.textContent = 'flyte.show("a")("b")';
    expect(runShownBy(row)).toBeUndefined();
  });
});

describe("the list", () => {
  it("finds what stands between two heights", () => {
    const days: [number, number][] = [[9, 2], [8, 1_000]];
    expect(placesBetween(days, 0, 160).map((place) => `${place.kind} ${place.number}`)).toEqual(["day 9", "run 0", "run 1", "day 8", "run 2"]);
    const far = placesBetween(days, 20_000, 20_050);
    expect(far[0]!.top).toBeLessThanOrEqual(20_000);
    expect(topOf(days, far[0]!.number)).toBe(far[0]!.top);
  });

  it("calls days as people do", () => {
    const now = new Date(2026, 2, 10, 23, 59).getTime();
    const today = Math.floor(Date.UTC(2026, 2, 10) / 86_400_000);
    expect(dayName(today, now)).toBe("Today");
    expect(dayName(today - 1, now)).toBe("Yesterday");
    expect(dayName(today - 400, now)).toContain("2025");
  });

  it("takes a kept choice, whatever became of it", () => {
    expect(choiceFrom({ text: 3, groups: ["failed", "never"], task: "t" })).toEqual({ text: "", groups: ["failed"], task: "t", source: "" });
    expect(choiceFrom(null)).toEqual({ text: "", groups: [], task: "", source: "" });
  });
});

describe("a run on its page", () => {
  it("can be resumed again at once when the reader has chosen no place for it", async () => {
    const asked: ((isDone: boolean) => void)[] = [];
    const server = { socket: () => new Socket() as unknown as WebSocket, ask: async () => undefined };
    const { store } = new RunConnection(server, "r1", { rerun: () => undefined, resume: () => new Promise((done) => asked.push(done)) });
    store.begin("resume");
    store.begin("resume");
    expect(store.beginning).toBe("resume");
    asked[0]!(false);
    await Promise.resolve();
    expect(store.beginning).toBe("");
    store.begin("resume");
    expect(asked.length).toBe(2);
  });
});
