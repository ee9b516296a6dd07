// @vitest-environment jsdom
import { h, render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { RunStore } from "../src/run/store";
import { Flag, NodePhase, STALLED, type FromPage, type Header, type Prompt, type Variable } from "../src/run/wire";
import { harmless } from "../src/views/prompt_form";
import { RunView } from "../src/views/run_view";
import { header, node } from "./messages";

let sent: FromPage[];
let store: RunStore;
let page: HTMLElement;

async function draw(): Promise<void> {
  await act(async () => {
    await new Promise((done) => setTimeout(done, 40));
  });
}

beforeEach(async () => {
  sent = [];
  store = new RunStore("r1", (message) => sent.push(message));
  page = document.createElement("div");
  document.body.append(page);
  await act(() => render(h(RunView, { store }), page));
});

afterEach(() => {
  render(null, page);
  page.remove();
});

const many = Array.from({ length: 5_000 }, (_, index) => node(`n${index}`, "a"));

describe("the tree", () => {
  beforeEach(async () => {
    store.take({ type: "reset", seq: 1, at_ms: Date.now(), heard: true, header: header(), nodes: [node("a", "", 5_000), ...many], open: ["a"] });
    await draw();
  });

  const tree = () => page.querySelector<HTMLElement>("[role=tree]")!;
  const active = () => document.getElementById(tree().getAttribute("aria-activedescendant")!)!;
  const press = async (key: string) => {
    tree().dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    await draw();
  };

  it("draws only the rows that can be seen", () => {
    const drawn = page.querySelectorAll("[role=treeitem]").length;
    expect(drawn).toBeGreaterThan(10);
    expect(drawn).toBeLessThan(60);
  });

  it("is walked with the arrow keys", async () => {
    await press("ArrowDown");
    await press("ArrowDown");
    expect(active().textContent).toContain("n1");
    await press("ArrowLeft");
    expect(active().textContent).toContain("a");
    await press("ArrowLeft");
    expect(page.querySelectorAll("[role=treeitem]")).toHaveLength(1);
    await press("ArrowRight");
    expect(page.querySelectorAll("[role=treeitem]").length).toBeGreaterThan(10);
  });

  it("shows details on Enter", async () => {
    await press("ArrowDown");
    await press("Enter");
    expect(sent).toContainEqual({ type: "select", action: "n0" });
  });

  it("says of what blocked the loop the same as its details", async () => {
    const [id, parent, kind, label, phase, startMs, endMs, attempts] = node("n0", "a");
    store.take({ type: "diff", seq: 2, nodes: [[id, parent, kind, label, phase, startMs, endMs, attempts, Flag.STALLED, 0, [], ""]], header: null, prompts: [] });
    await draw();
    expect([...page.querySelectorAll<HTMLElement>(".fnb-mark")].map(({ textContent, title }) => [textContent, title])).toEqual([["blocked the loop", STALLED]]);
    expect(STALLED).toContain("no other async task could run meanwhile");
  });

  it("is filtered by words, with the space between them kept while it is typed", async () => {
    const field = page.querySelector<HTMLInputElement>(".fnb-filter")!;
    for (const typed of ["n1", "n1 ", "n1 x"]) {
      field.value = typed;
      field.dispatchEvent(new InputEvent("input", { bubbles: true }));
      await draw();
      expect(field.value).toBe(typed);
    }
  });

  it("says where a row stands", () => {
    const second = page.querySelectorAll("[role=treeitem]")[1]!;
    expect(second.getAttribute("aria-level")).toBe("2");
    expect(second.getAttribute("aria-posinset")).toBe("1");
    expect(second.getAttribute("aria-setsize")).toBe("5000");
  });

  it("shows names as text, whatever they contain", async () => {
    const hostile = '<img src=x onerror="window.hit=1">';
    store.take({ type: "diff", seq: 2, nodes: [node("n0", "a", 0, 3, hostile)], header: null, prompts: [] });
    await draw();
    expect(page.querySelector("img")).toBeNull();
    expect(page.textContent).toContain(hostile);
  });
});

describe("the details of an action", () => {
  it("shows the error whole and links only to the web", async () => {
    store.take({ type: "reset", seq: 1, at_ms: Date.now(), heard: true, header: header(), nodes: [node("a", "")], open: [] });
    store.reader.select("a");
    store.take({
      type: "details", action: "a", task: "env.main", placement: "loop", context: [], inputs: [{ name: "n", text: "3", truncated: false, frame: null }],
      outputs: [], attempts: [], tabs: [], notes: [], can_abort: true,
      links: [
        { name: "docs", address: "https://example.org", problem: "" },
        { name: "trap", address: "javascript:alert(1)", problem: "" },
      ],
      failure: { code: "ValueError", message: "no", traceback: "line 1\nline 2" },
    });
    await draw();
    expect(page.querySelector(".fnb-traceback")!.textContent).toBe("line 1\nline 2");
    const links = [...page.querySelectorAll<HTMLAnchorElement>(".fnb-links a")];
    expect(links.map((link) => [link.href, link.rel, link.target])).toEqual([
      ["https://example.org/", "noopener noreferrer", "_blank"],
    ]);
    page.querySelector<HTMLButtonElement>(".fnb-details .fnb-danger")!.click();
    expect(sent).toContainEqual({ type: "abort", action: "a" });
  });

  it("shows the first rows of a data frame, and what is in them as text", async () => {
    const frame = { shape: "3 rows", columns: [["carrier", "string"], ["n", "int64"]], rows: [["<b>UA</b>", "1"], ["AA", "2"]] };
    store.take({ type: "reset", seq: 1, at_ms: Date.now(), heard: true, header: header(), nodes: [node("a", "")], open: [] });
    store.reader.select("a");
    store.take({
      type: "details", action: "a", task: "env.main", placement: "loop", context: [], outputs: [], attempts: [], links: [], tabs: [],
      inputs: [{ name: "flights", text: "a frame", truncated: false, frame }], notes: [], failure: null, can_abort: false,
    });
    await draw();
    const table = page.querySelector(".fnb-frame")!;
    expect([...table.querySelectorAll("th")].map((cell) => cell.textContent)).toEqual(["carrier string", "n int64"]);
    expect([...table.querySelectorAll("td")].map((cell) => cell.textContent)).toEqual(["<b>UA</b>", "1", "AA", "2"]);
    expect(table.querySelector("caption")!.textContent).toBe("3 rows");
  });
});

describe("the custom context of an action", () => {
  const contextOf = async (context: Variable[]) => {
    store.take({ type: "reset", seq: 1, at_ms: Date.now(), heard: true, header: header(), nodes: [node("a", "")], open: [] });
    store.reader.select("a");
    store.take({
      type: "details", action: "a", task: "t", placement: "", context, inputs: [], outputs: [], attempts: [], links: [], tabs: [],
      notes: [], failure: null, can_abort: false,
    });
    await draw();
    return [...page.querySelectorAll("table")].find((table) => table.caption?.textContent === "Custom context");
  };

  it("is in its details, as text whatever it says", async () => {
    const shown = await contextOf([{ name: "<img src=x>", text: "'<img src=y>'", truncated: false, frame: null }]);
    expect(shown!.querySelector("th")!.textContent).toBe("<img src=x>");
    expect(shown!.querySelector("td")!.textContent).toBe("'<img src=y>'");
    expect(page.querySelector("img")).toBeNull();
  });

  it("takes no room where there is none", async () => {
    expect(await contextOf([])).toBeUndefined();
  });
});

describe("a question", () => {
  const prompt = (changes: Partial<Prompt>): Prompt => ({
    action: "a", prompt: "p", name: "approve", kind: "bool", html: "<p>Well?</p>", expires_at_ms: Date.now() + 60_000,
    answer: "", answered_by: "", answered_at_ms: -1, standing: "open", ...changes,
  });
  const ask = async (changes: Partial<Prompt>, ofRun: Partial<Header> = {}) => {
    store.take({ type: "reset", seq: 1, at_ms: Date.now(), heard: true, header: header(ofRun), nodes: [node("a", "")], open: [] });
    store.take({ type: "diff", seq: 2, nodes: [], header: null, prompts: [prompt(changes)] });
    await draw();
  };

  it("of yes or no has two buttons", async () => {
    await ask({});
    const buttons = [...page.querySelectorAll<HTMLButtonElement>(".fnb-prompt button")];
    expect(buttons.map((button) => button.textContent)).toEqual(["Yes", "No"]);
    buttons[1]!.click();
    expect(sent).toContainEqual({ type: "answer", prompt: "p", value: "false" });
  });

  it("of a stopped run takes an answer for the next try", async () => {
    await ask({ standing: "stopped" }, { phase: NodePhase.ABORTED, can_resume: true });
    expect(page.querySelector(".fnb-prompt")!.textContent).toContain("the run was stopped");
    page.querySelector<HTMLButtonElement>(".fnb-prompt button")!.click();
    expect(sent).toContainEqual({ type: "answer", prompt: "p", value: "true" });
  });

  it("that nobody can answer any more says why", async () => {
    await ask({ standing: "stopped" });
    expect(page.querySelector(".fnb-prompt")!.textContent).toBe("approve: its task was stopped before anybody answered");
    store.take({ type: "diff", seq: 3, nodes: [], header: null, prompts: [prompt({ standing: "over" })] });
    await draw();
    expect(page.querySelector(".fnb-prompt")!.textContent).toBe("approve: its task has ended without an answer");
    expect(page.querySelector(".fnb-prompt button")).toBeNull();
  });

  it("for a number has a field, and what is wrong with an answer is said beside it", async () => {
    await ask({ kind: "int" });
    const field = page.querySelector<HTMLInputElement>(".fnb-prompt input")!;
    field.value = "many";
    field.dispatchEvent(new Event("input", { bubbles: true }));
    await draw();
    page.querySelector<HTMLButtonElement>(".fnb-prompt [type=submit]")!.click();
    expect(sent).toContainEqual({ type: "answer", prompt: "p", value: "many" });
    store.take({ type: "notice", level: "error", text: "'many' is no whole number", about: "p" });
    await draw();
    expect(page.querySelector(".fnb-prompt [role=alert]")!.textContent).toBe("'many' is no whole number");
    expect(field.getAttribute("aria-invalid")).toBe("true");
  });

  it("is free again after any outcome, which is said beside it, whatever else is reported", async () => {
    await ask({});
    const [yes] = [...page.querySelectorAll<HTMLButtonElement>(".fnb-prompt button")];
    yes!.click();
    await draw();
    expect(yes!.disabled).toBe(true);
    store.take({ type: "notice", level: "info", text: "kept: the run has not taken it yet", about: "p" });
    for (let index = 0; index < 5; index += 1) store.take({ type: "notice", level: "info", text: "Stopping ...", about: `n${index}` });
    await draw();
    expect(page.querySelector(".fnb-prompt [role=alert]")!.textContent).toBe("kept: the run has not taken it yet");
    expect(yes!.disabled).toBe(false);
  });

  it("takes what is in the field on Enter, which the notebook never hears of", async () => {
    await ask({ kind: "float" });
    const heard = vi.fn();
    document.addEventListener("keydown", heard);
    const field = page.querySelector<HTMLInputElement>(".fnb-prompt input")!;
    field.value = "2.5";
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
    document.removeEventListener("keydown", heard);
    expect(sent).toContainEqual({ type: "answer", prompt: "p", value: "2.5" });
    expect(heard).not.toHaveBeenCalled();
  });

  it("for a text takes Enter as a new line and Ctrl+Enter as the end", async () => {
    await ask({ kind: "str" });
    const field = page.querySelector<HTMLTextAreaElement>(".fnb-prompt textarea")!;
    field.value = "a\nb";
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    expect(sent.filter((message) => message.type === "answer")).toEqual([]);
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", ctrlKey: true, bubbles: true }));
    expect(sent).toContainEqual({ type: "answer", prompt: "p", value: "a\nb" });
  });

  it("that was answered says by whom", async () => {
    await ask({ answer: "true", answered_by: "ada", answered_at_ms: 1 });
    expect(page.querySelector(".fnb-answered")!.textContent).toMatch(/approve: Yes answered by ada at/);
    expect(page.querySelector(".fnb-prompt button")).toBeNull();
  });

  it("cannot bring markup that does something", () => {
    const html = harmless('<p onclick="x()">a<script>y()</script><img src=x onerror=z()><a href="javascript:x()">b</a><a href="https://e.org">c</a></p>');
    expect(harmless('<a href="/lab/tree/x.ipynb">d</a><a href="mailto:x@e.org">e</a>')).not.toContain("href");
    expect(html).toBe('<p>a<a target="_blank" rel="noopener noreferrer">b</a><a href="https://e.org" target="_blank" rel="noopener noreferrer">c</a></p>');
  });
});

describe("what is selected", () => {
  const opened = async (phase: number) => {
    const root = node("a", "", 0, phase);
    root[8] = Flag.REPORT;
    store.take({ type: "reset", seq: 1, at_ms: Date.now(), heard: true, header: header({ phase }), nodes: [root], open: [] });
    await draw();
    return [store.reader.selection?.action, store.reader.pane];
  };

  it("is the report of the run as soon as there is one", async () => {
    expect(await opened(NodePhase.SUCCEEDED)).toEqual(["a", "report"]);
  });

  it("opens at its error where it failed, also where it has a report", async () => {
    expect(await opened(NodePhase.FAILED)).toEqual(["a", "overview"]);
    store.reader.show({ pane: "report" });
    store.reader.select("");
    await draw();
    page.querySelector<HTMLElement>("[role=treeitem]")!.click();
    expect([store.reader.selection?.action, store.reader.pane]).toEqual(["a", "overview"]);
  });
});

describe("a report", () => {
  beforeEach(async () => {
    store.take({ type: "reset", seq: 1, at_ms: Date.now(), heard: true, header: header(), nodes: [node("a", "")], open: [] });
    store.reader.select("a");
    store.take({
      type: "details", action: "a", task: "t", placement: "", context: [], inputs: [], outputs: [], attempts: [], links: [], tabs: ["main"],
      notes: [], failure: null, can_abort: false,
    });
    store.take({ type: "report", action: "a", tab: "main", edition: 0, first: 0, pieces: ["<b>hello</b>"] });
    await draw();
    [...page.querySelectorAll<HTMLButtonElement>(".fnb-tab")].find((tab) => tab.textContent === "Report")!.click();
    await draw();
  });

  it("is in a frame that may run scripts and nothing else", () => {
    const frame = page.querySelector("iframe")!;
    expect(frame.getAttribute("sandbox")).toBe("allow-scripts");
    expect(frame.srcdoc).toContain("default-src 'none'");
    expect(frame.srcdoc).not.toContain("https:");
  });

  it("that floods the page past its keeper is taken away", async () => {
    const keeper = page.querySelector("iframe")!.contentWindow!;
    const inner = keeper.document.body.appendChild(keeper.document.createElement("iframe"));
    const message = () => window.dispatchEvent(new MessageEvent("message", { source: inner.contentWindow, data: {} }));
    for (let count = 0; count < 200; count += 1) message();
    await draw();
    expect(page.querySelector("iframe")).not.toBeNull();
    message();
    await draw();
    expect(page.querySelector("iframe")).toBeNull();
    expect(page.textContent).toContain("more messages than it can take");
  });
});
