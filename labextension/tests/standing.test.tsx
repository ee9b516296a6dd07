// @vitest-environment jsdom
import { h, render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { NO_FILTER } from "../src/run/filter";
import { sayThatPicturesAreKept } from "../src/run/keeping";
import { openAsked } from "../src/run/opening";
import { RunStore } from "../src/run/store";
import { NodePhase, type FromPage, type Prompt } from "../src/run/wire";
import { RunView } from "../src/views/run_view";
import { header, node } from "./messages";

let store: RunStore;
let page: HTMLElement;

beforeEach(async () => {
  vi.useFakeTimers();
  store = new RunStore("r1", () => {});
  page = document.createElement("div");
  document.body.append(page);
  await act(() => render(h(RunView, { store }), page));
  store.take({ type: "reset", seq: 1, at_ms: Date.now(), heard: true, header: header(), nodes: [node("a", "", 0, 1)], open: ["a"] });
  await pass(100);
});

afterEach(() => {
  render(null, page);
  page.remove();
  vi.useRealTimers();
});

async function pass(milliseconds: number): Promise<void> {
  await act(async () => {
    await vi.advanceTimersByTimeAsync(milliseconds);
  });
}

const said = () => page.textContent ?? "";

describe("a form", () => {
  const ask = async (expires_at_ms: number) => {
    const prompt = {
      action: "a", prompt: "p", name: "approve", kind: "bool", html: "<p>Well?</p>", expires_at_ms, answer: "", answered_by: "",
      answered_at_ms: -1, standing: "open",
    };
    store.take({ type: "diff", seq: 2, nodes: [], header: null, prompts: [prompt] });
    await pass(100);
  };

  it("is free again five seconds after an answer of which nothing was heard", async () => {
    await ask(Date.now() + 60_000);
    const yes = page.querySelector<HTMLButtonElement>(".fnb-prompt button")!;
    await act(() => yes.click());
    await pass(4_500);
    expect(yes.disabled).toBe(true);
    await pass(1_000);
    expect(yes.disabled).toBe(false);
  });

  it("says that its time is over", async () => {
    await ask(Date.now() + 3_000);
    expect(said()).toContain("left");
    await pass(4_000);
    expect(page.querySelector(".fnb-prompt button")).toBeNull();
    expect(said()).toContain("nobody answered in time");
  });
});

describe("questions", () => {
  const asked = (number: number, changes: Partial<Prompt> = {}): Prompt => ({
    action: "a", prompt: `p${number}`, name: `q${number}`, kind: "int", html: "", expires_at_ms: Date.now() + 3_600_000, answer: "", answered_by: "",
    answered_at_ms: -1, standing: "open", ...changes,
  });
  const tell = async (prompts: Prompt[]) => {
    store.take({ type: "diff", seq: 2, nodes: [], header: null, prompts });
    await pass(300);
  };

  it("that can be answered are seen after any number of those that cannot", async () => {
    const late = Array.from({ length: 5 }, (_, number) => asked(number, { expires_at_ms: Date.now() - 1 }));
    const over = Array.from({ length: 5 }, (_, number) => asked(number + 5, { standing: "over" }));
    await tell([...late, ...over, asked(10)]);
    expect([...page.querySelectorAll(".fnb-prompt strong")].map(({ textContent }) => textContent)).toEqual(["q10", "q7", "q8", "q9"]);
    expect(page.querySelectorAll("form")).toHaveLength(1);
  });

  it("of a kernel that is gone are answered by a command that takes their names as they are", async () => {
    await tell([asked(1, { name: "how many" })]);
    store.lose();
    await pass(300);
    expect(said()).toContain('%flyte_answer r1 "how many" VALUE');
    expect(said()).toContain("flyte-nb answer r1 'how many' VALUE");
    expect(said()).not.toContain("panel");
    const end = openAsked(() => undefined);
    await pass(1_000);
    expect(said()).toContain("in the panel");
    end();
  });

  it("of a kernel that is gone are not asked any more when their time is over", async () => {
    await tell([asked(1, { expires_at_ms: Date.now() + 5_000 })]);
    store.lose();
    await pass(6_000);
    expect(said()).toContain("q1: nobody answered in time");
    expect(said()).not.toContain("VALUE");
  });

  it("whose answer is kept for the resume are not asked again", async () => {
    await tell([asked(1, { standing: "stopped" })]);
    store.take({ type: "diff", seq: 3, nodes: [], header: header({ phase: 7, can_resume: true }), prompts: [] });
    await pass(300);
    expect(page.querySelectorAll("form")).toHaveLength(1);
    store.take({ type: "notice", level: "info", text: "kept: the run takes the answer when it is resumed", about: "p1" });
    await pass(300);
    expect(page.querySelectorAll("form")).toHaveLength(0);
    expect(said()).toContain("q1: kept: the run takes");
  });
});

describe("a kernel whose clock is behind that of the page", () => {
  const MINUTES = 60_000;
  let there: () => number;
  beforeEach(async () => {
    there = () => Date.now() - 5 * MINUTES;
    store = new RunStore("r1", () => {});
    await act(() => render(h(RunView, { store }), page));
    const begun = header({ started_at_ms: there() });
    store.take({ type: "reset", seq: 1, at_ms: there() - 400, heard: true, header: begun, nodes: [node("a", "", 0, 1, "a", "", -1)], open: ["a"] });
    store.take({ type: "heartbeat", seq: 1, at_ms: there() });
    await pass(1_000);
  });

  it("tells for how long its run has run", () => {
    expect(page.querySelector(".fnb-elapsed")!.textContent).toBe("1 s");
  });

  it("is answered until the question expires there", async () => {
    const prompt = { action: "a", prompt: "p", name: "q", kind: "int", html: "", answer: "", answered_by: "", answered_at_ms: -1, standing: "open" };
    store.take({ type: "diff", seq: 2, nodes: [], header: null, prompts: [{ ...prompt, expires_at_ms: there() + 3 * MINUTES }] });
    await pass(300);
    expect(page.querySelector("form")!.textContent).toMatch(/(3 min 0 s|2 min 59 s) left/);
  });

  it("was lost at its own time", () => {
    store.lose();
    expect(Math.abs(store.header!.ended_at_ms - there())).toBeLessThan(2_000);
    expect(store.nodes.get("a")!.endMs).toBeLessThan(2_000);
  });
});

describe("a run that goes on while its page is loaded", () => {
  const started = async (started_at_ms: number) => {
    store.take({ type: "diff", seq: 2, nodes: [], header: header({ started_at_ms }), prompts: [] });
    await pass(300);
  };
  let end: () => void;
  beforeEach(() => { end = sayThatPicturesAreKept(); });
  afterEach(() => end());

  it("says where what tasks print is to be found", async () => {
    await started(performance.timeOrigin - 5_000);
    expect(said()).toContain("is in their logs, and not below the cell");
  });

  it("says nothing of it when it was started on this page", async () => {
    await started(performance.timeOrigin + 5_000);
    expect(said()).not.toContain("below the cell");
  });
});

describe("what is to be stopped", () => {
  it("is named until it has ended, and after a while with why it may take its time", async () => {
    store.abort("a");
    store.take({ type: "notice", level: "info", text: "Stopping ...", about: "a" });
    await pass(100);
    expect(said()).toContain("Stopping a ...");
    expect(said()).not.toContain("event loop");
    store.take({ type: "heartbeat", seq: 1, at_ms: Date.now() });
    await pass(2_500);
    expect(said()).toContain("event loop");
    store.take({ type: "diff", seq: 2, nodes: [node("a", "", 0, 7)], header: null, prompts: [] });
    await pass(100);
    expect(said()).not.toContain("Stopping");
  });

  it("cannot be stopped twice", async () => {
    const abort = page.querySelector<HTMLButtonElement>(".fnb-header .fnb-danger")!;
    await act(() => abort.click());
    await pass(100);
    expect(abort.disabled).toBe(true);
    expect(said()).toContain("Stopping the run ...");
    store.take({ type: "notice", level: "error", text: "The journal is not there.", about: "" });
    await pass(100);
    expect(abort.disabled).toBe(false);
    expect(said()).toContain("The journal is not there.");
  });
});

describe("what was to be stopped and is lost on its way", () => {
  const second = async () => {
    store.take({ type: "heartbeat", seq: 1, at_ms: Date.now() });
    await pass(1_000);
  };
  const abort = () => page.querySelector<HTMLButtonElement>(".fnb-header .fnb-danger")!;
  beforeEach(() => act(() => abort().click()));

  it("can be stopped again when the kernel has spoken for ten seconds and said nothing of it", async () => {
    for (let at = 0; at < 9; at += 1) await second();
    expect(abort().disabled).toBe(true);
    for (let at = 0; at < 3; at += 1) await second();
    expect(abort().disabled).toBe(false);
    expect(said()).not.toContain("Stopping");
  });

  it("but not where the kernel has said that it stops it", async () => {
    store.take({ type: "notice", level: "info", text: "Stopping ...", about: "" });
    for (let at = 0; at < 30; at += 1) await second();
    expect(abort().disabled).toBe(true);
    expect(said()).toContain("Stopping the run ...");
  });
});

describe("a run that is to run again", () => {
  const button = (text: string) => [...page.querySelectorAll<HTMLButtonElement>(".fnb-header button")].find(({ textContent }) => textContent!.startsWith(text))!;
  let sent: FromPage[];
  beforeEach(async () => {
    sent = [];
    store = new RunStore("r1", (message) => sent.push(message));
    await act(() => render(h(RunView, { store }), page));
    store.take({ type: "reset", seq: 1, at_ms: Date.now(), heard: true, header: header({ phase: 5, can_resume: true }), nodes: [node("a", "", 0, 5)], open: ["a"] });
    await pass(300);
  });

  it.each(["Rerun", "Resume"])("does so once, however often somebody clicks: %s", async (text) => {
    await act(() => { button(text).click(); button(text).click(); });
    await pass(300);
    expect(button("Rerun").disabled && button("Resume").disabled).toBe(true);
    expect(button(text).textContent).toBe(`${text} asked for`);
    await act(() => button(text).click());
    expect(sent.map(({ type }) => type).filter((type) => type !== "look")).toEqual([text.toLowerCase()]);
  });

  it("and fails again before anybody has seen it run can be resumed once more at once", async () => {
    await act(() => button("Resume").click());
    store.take({ type: "diff", seq: 2, nodes: [], header: header({ phase: 5, can_resume: true }), prompts: [] });
    await pass(300);
    expect(button("Resume").textContent).toBe("Resume asked for");
    store.take({ type: "diff", seq: 3, nodes: [], header: header({ phase: 5, can_resume: true, resumes: 1 }), prompts: [] });
    await pass(300);
    expect(button("Resume").textContent).toBe("Resume");
  });

  it("can be asked for again when the kernel has said what became of it", async () => {
    await act(() => button("Rerun").click());
    store.take({ type: "notice", level: "info", text: "Run r2 has started.", about: "" });
    await pass(300);
    expect(button("Rerun").disabled).toBe(false);
    expect(button("Rerun").textContent).toBe("Rerun");
  });

  it("can be asked for again after five seconds in which nothing was heard", async () => {
    await act(() => button("Rerun").click());
    await pass(4_500);
    expect(button("Rerun").disabled).toBe(true);
    await pass(1_000);
    expect(button("Rerun").disabled).toBe(false);
  });

  it("has no wish left when it goes on", async () => {
    await act(() => button("Resume").click());
    store.take({ type: "diff", seq: 2, nodes: [], header: header({ phase: 1 }), prompts: [] });
    expect(store.beginning).toBe("");
  });
});

describe("a kernel that is silent", () => {
  it("is told of while the run goes on", async () => {
    await pass(7_000);
    expect(said()).toContain("No news from the kernel");
    expect(said()).toContain(`flyte_nb.show("${store.header!.name}")`);
    store.take({ type: "heartbeat", seq: 1, at_ms: Date.now() });
    await pass(1_000);
    expect(said()).not.toContain("No news");
  });

  it("is told of once to who hears the page instead of seeing it", async () => {
    const heard = new Set<string>();
    for (let second = 0; second < 30; second += 1) {
      await pass(1_000);
      const notice = page.querySelector(".fnb-notice-warning[role=status]")?.cloneNode(true) as HTMLElement | undefined;
      for (const unheard of notice?.querySelectorAll("[aria-hidden=true]") ?? []) unheard.remove();
      heard.add(notice?.textContent ?? "");
    }
    expect(heard.size).toBe(2);
  });

  it("is not asked for the timeline again and again", async () => {
    const sent: FromPage[] = [];
    store = new RunStore("r1", (message) => sent.push(message));
    await act(() => render(h(RunView, { store }), page));
    store.take({ type: "reset", seq: 1, at_ms: Date.now(), heard: true, header: header(), nodes: [node("a", "", 0, 1)], open: ["a"] });
    store.reader.show({ view: "timeline" });
    await pass(300);
    await pass(60_000);
    expect(sent.filter(({ type }) => type === "ask_timeline")).toHaveLength(1);
    store.take({ type: "timeline", left_out: 0, spans: [] });
    await pass(1_500);
    expect(sent.filter(({ type }) => type === "ask_timeline")).toHaveLength(2);
  });

  it("is asked for the bars of what the reader looks for only", async () => {
    const sent: FromPage[] = [];
    store = new RunStore("r1", (message) => sent.push(message));
    const asked = () => sent.filter((message) => message.type === "ask_timeline").map((message) => message.actions);
    await act(() => render(h(RunView, { store }), page));
    const nodes = [node("a", "", 2), node("b", "a", 0, 3, "north"), node("c", "a", 0, 3, "south")];
    store.take({ type: "reset", seq: 1, at_ms: Date.now(), heard: true, header: header({ phase: NodePhase.SUCCEEDED }), nodes, open: ["a"] });
    store.reader.show({ view: "timeline" });
    await pass(300);
    expect(asked()).toEqual([null]);
    store.reader.show({ filter: { text: "south", phases: new Set() } });
    await pass(300);
    expect(asked().at(-1)).toEqual(["c"]);
    store.reader.show({ filter: NO_FILTER });
    await pass(300);
    expect(asked().at(-1)).toBeNull();
  });

  it("was not silent while the page did not show the run", async () => {
    store.leave();
    await pass(300_000);
    store.greet();
    await pass(1_000);
    expect(said()).not.toContain("No news");
  });

  it("leaves the clocks where they are, and nothing jumps", async () => {
    const clock = () => Number(page.querySelector(".fnb-elapsed")!.textContent!.replace(" s", ""));
    store.take({ type: "diff", seq: 2, nodes: [node("a", "", 0, 1, "a", "", -1)], header: header({ started_at_ms: Date.now() - 5_000 }), prompts: [] });
    await pass(100);
    const shown = [];
    for (let second = 0; second < 15; second += 1) {
      shown.push(clock());
      await pass(1_000);
    }
    expect(shown).toEqual([...shown].sort((one, other) => one - other));
    expect(new Set(shown.slice(4)).size).toBe(1);
    expect(said()).toContain("clocks stand still");
  });

  it("can still be told to stop the run, and it is said when that will be", async () => {
    await pass(7_000);
    const abort = page.querySelector<HTMLButtonElement>(".fnb-header .fnb-danger")!;
    expect(abort.disabled).toBe(false);
    await act(() => abort.click());
    await pass(3_000);
    expect(said()).toContain("Stopping the run ... The kernel gives no news: it stops when it hears of this.");
  });

  it("is told of after the run when it does not answer, and only then", async () => {
    store.take({ type: "diff", seq: 2, nodes: [], header: { ...header(), phase: 3, ended_at_ms: Date.now() }, prompts: [] });
    await pass(30_000);
    expect(said()).not.toContain("No news");
    store.reader.select("a");
    await pass(7_000);
    expect(said()).toContain("No news from the kernel");
  });
});

describe("a kernel that is gone", () => {
  const clocks = () => [...page.querySelectorAll(".fnb-elapsed, .fnb-time")].map((clock) => clock.textContent);

  it("has interrupted what it drove: its clocks stop and its rows are aborted", async () => {
    store.take({ type: "diff", seq: 2, nodes: [node("a", "", 1, 1), node("b", "a", 0, 0)], header: null, prompts: [] });
    store.lose();
    await pass(100);
    const before = clocks();
    await pass(5_000);
    expect(clocks()).toEqual(before);
    expect(said()).toContain("interrupted: its kernel is gone");
    expect(said()).toContain('import flyte_nb; flyte_nb.Run.get("r1").resume()');
    expect([...store.nodes.values()].map(({ phase }) => phase)).toEqual([7, 7]);
    expect(page.querySelector(".fnb-header .fnb-danger")).toBeNull();
  });

  it("has driven its run until its last word, and not until it was found to be gone", async () => {
    store.take({ type: "diff", seq: 2, nodes: [], header: header({ started_at_ms: Date.now() }), prompts: [] });
    await pass(4_000);
    store.take({ type: "heartbeat", seq: 2, at_ms: Date.now() });
    await pass(20_000);
    store.lose();
    expect(store.nodes.get("a")!.endMs).toBe(4_000);
  });

  it("has ended the bars of the timeline too", async () => {
    store.take({ type: "timeline", left_out: 0, spans: [["a", "a", 0, 0, 5, 1], ["b", "b", 1, 1, 2, 3]] });
    await pass(3_000);
    store.lose();
    expect(store.timeline!.spans.map(([action, , , , , phase]) => [action, phase])).toEqual([["a", 7], ["b", 3]]);
    expect(store.timeline!.spans[0]![4]).toBe(store.nodes.get("a")!.endMs);
    expect(store.timeline!.spans[1]![4]).toBe(2);
  });

  it("says in a branch that was not read how many rows are missing, and where they are", async () => {
    const counts = [0, 31, 0, 0, 0, 0, 0, 0];
    store.take({ type: "diff", seq: 2, nodes: [node("a", "", 1, 1), node("b", "a", 30, 1)], header: header({ counts }), prompts: [] });
    store.lose();
    store.expand("b");
    await pass(100);
    const rows = [...page.querySelectorAll("[role=treeitem]")].map((row) => row.textContent);
    expect(rows.at(-1)).toBe('30 rows were not read before the kernel went away: flyte_nb.show("r1") in a cell shows all.');
    store.reader.show({ filter: { text: "b", phases: new Set() } });
    await pass(100);
    expect(page.querySelector(".fnb-toolbar [role=status]")!.textContent).toBe("1 row found");
    expect(said()).toContain("29 actions were not read before the kernel went away, and not looked at");
  });

  it("before it told of the run says so, and how the run is seen", async () => {
    const early = new RunStore("r2", () => {});
    await act(() => render(h(RunView, { store: early }), page));
    early.greet();
    await pass(100);
    expect(said()).toContain("Reading the run ...");
    early.lose();
    await pass(100);
    expect(said()).not.toContain("Reading");
    expect(said()).toContain('flyte_nb.show("r2")');
  });

  it("takes no answer that it could not pass on, and says what does", async () => {
    store.take({
      type: "diff", seq: 2, nodes: [], header: null,
      prompts: [{
        prompt: "p1", action: "a", name: "bonus", html: "How much?", kind: "int", expires_at_ms: Date.now() + 3_600_000,
        answer: "", answered_by: "", answered_at_ms: 0, standing: "open",
      }],
    });
    await pass(100);
    expect(page.querySelector("form.fnb-prompt")).not.toBeNull();
    store.lose();
    await pass(100);
    expect(page.querySelector("form.fnb-prompt")).toBeNull();
    expect(said()).toContain("after %load_ext flyte_nb, by %flyte_answer r1 bonus VALUE");
  });

  it("has not ended what another kernel drives", async () => {
    store.take({ type: "diff", seq: 2, nodes: [], header: header({ owned_here: false }), prompts: [] });
    store.lose();
    await pass(100);
    expect(said()).not.toContain("interrupted");
    expect(said()).toContain('flyte_nb.show("r1")');
  });

  it("leaves nothing waiting that was asked for", async () => {
    store.take({ type: "diff", seq: 2, nodes: [], header: header({ phase: 3 }), prompts: [] });
    store.lose();
    store.reader.select("a");
    await pass(30_000);
    expect(said()).toContain("not read before the kernel went away");
    expect(page.querySelectorAll(".fnb-header .fnb-button")).toHaveLength(0);
  });
});

describe("what was asked for and is not here yet", () => {
  it("has a sign in its place, which soon tells why", async () => {
    store.reader.select("a");
    await pass(100);
    const reading = () => page.querySelector('.fnb-details [role="status"]')?.textContent;
    expect(reading()).toBe("Reading ...");
    await pass(3_000);
    expect(reading()).toBe("Reading ... The kernel is busy and has not answered yet.");
    const none = { context: [], inputs: [], outputs: [], attempts: [], links: [], tabs: ["main"], notes: [], failure: null, can_abort: false };
    store.take({ type: "details", action: "a", task: "env.a", placement: "loop", ...none });
    await pass(100);
    expect(reading()).toBeUndefined();
    await act(() => [...page.querySelectorAll<HTMLButtonElement>(".fnb-tab")].find(({ textContent }) => textContent === "Report")!.click());
    await pass(100);
    expect(reading()).toBe("Reading ...");
    store.take({ type: "report", action: "a", tab: "main", edition: 0, first: 0, pieces: ["<p>here</p>"] });
    await pass(100);
    expect(reading()).toBe("Reading the report ...");
  });
});
