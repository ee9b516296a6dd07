// @vitest-environment jsdom
import { h, render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { followLostRuns } from "../src/lab/lost_runs";
import { MARK, type Bundle, type Notebook } from "../src/lab/outputs";
import { keepPictures, PictureKeeper } from "../src/lab/picture_keeper";
import { RunConnection, type Beginnings } from "../src/panel/run_connection";
import type { RunsStore } from "../src/panel/runs_store";
import type { Server } from "../src/panel/server";
import type { RunLine, Waiting } from "../src/panel/wire";
import { keepsPictures } from "../src/run/keeping";
import { tellOfLost } from "../src/run/losing";
import { RunStore } from "../src/run/store";
import type { ToPage } from "../src/run/wire";
import { RunView } from "../src/views/run_view";
import { header, node } from "./messages";

class Socket {
  static readonly OPEN = 1;
  readyState = 1;
  onopen = () => undefined;
  onmessage = (_: { data: string }) => undefined;
  onclose = (_: { code: number }) => undefined;
  sent: string[] = [];
  send(text: string): void { this.sent.push((JSON.parse(text) as { type: string }).type); }
  close(): void { this.readyState = 3; }

  say(message: ToPage): void {
    this.onmessage({ data: JSON.stringify(message) });
  }
}

function line(changes: Partial<RunLine> = {}): RunLine {
  return {
    name: "r1", task: "env.main", phase: "running", created_at: 0, ended_at: null, source: "", labels: {}, rerun_of: "", host: "here",
    interrupted: false, can_resume: false, paused_s: 0, ...changes,
  };
}

/** What of the list of runs is used here. */
class Runs {
  read = true;
  running: RunLine[] = [];
  waiting: Waiting[] = [];
  private listener = () => {};

  subscribe(listener: () => void): () => void {
    this.listener = listener;
    return () => { this.listener = () => {}; };
  }

  tell(running: RunLine[]): void {
    this.running = running;
    this.listener();
  }

  ask(waiting: Waiting[]): void {
    this.waiting = waiting;
    this.listener();
  }
}

let sockets: Socket[];
let runs: Runs;
let answer: (path: string) => Promise<unknown>;
const server: Server = {
  socket: () => { sockets.push(new Socket()); return sockets.at(-1) as unknown as WebSocket; },
  ask: (path) => answer(path),
};
const beginnings: Beginnings = { rerun: () => undefined, resume: () => Promise.resolve(false) };
const reset = (seq: number, changes: Parameters<typeof header>[0]): ToPage =>
  ({ type: "reset", seq, at_ms: Date.now(), heard: true, header: header(changes), nodes: [node("a", "")], open: ["a"] });

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", Socket);
  sockets = [];
  runs = new Runs();
  answer = async () => undefined;
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a run on its page", () => {
  it("goes on after its connection was lost, with a server that numbers its messages anew", async () => {
    const connection = new RunConnection(server, "r1", beginnings);
    sockets[0]!.onopen();
    sockets[0]!.say(reset(500, { phase: 1 }));
    sockets[0]!.onclose({ code: 1006 });
    await vi.advanceTimersByTimeAsync(1_000);
    sockets[1]!.onopen();
    sockets[1]!.say(reset(1, { phase: 5 }));
    expect(connection.store.header!.phase).toBe(5);
    connection.close();
  });
});

describe("the page of a run that was deleted", () => {
  it("says so, and asks no more", async () => {
    const connection = new RunConnection(server, "r1", beginnings);
    sockets[0]!.onopen();
    sockets[0]!.say({ type: "notice", level: "error", text: "There is no run 'r1'.", about: "" });
    sockets[0]!.onclose({ code: 4404 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(sockets.length).toBe(1);
    const page = document.createElement("div");
    await act(() => render(h(RunView, { store: connection.store }), page));
    expect(page.textContent).toBe("There is no run 'r1'.");
    render(null, page);
    connection.close();
  });
});

describe("a picture whose kernel is gone", () => {
  const lost = (changes: Parameters<typeof header>[0], look: (store: RunStore) => void = () => undefined) => {
    const store = new RunStore("r1", () => undefined);
    store.take(reset(1, changes));
    look(store);
    store.lose();
    return tellOfLost(store);
  };

  it("follows its run also when that goes on while the server is asked about it", async () => {
    const end = followLostRuns(runs as unknown as RunsStore, server, () => beginnings);
    let tell: (line: RunLine) => void = () => undefined;
    answer = () => new Promise((done) => { tell = done; });
    const left = lost({ phase: 1, owned_here: true });
    await vi.advanceTimersByTimeAsync(1_500);
    runs.tell([line({ paused_s: 3 })]);
    tell(line({ phase: "aborted", interrupted: true }));
    await vi.advanceTimersByTimeAsync(1_500);
    expect(sockets.length).toBe(1);
    left();
    end();
  });

  it("asks for no answer to a question that somebody has answered in the panel", async () => {
    const end = followLostRuns(runs as unknown as RunsStore, server, () => beginnings);
    answer = async () => line({ phase: "aborted", interrupted: true });
    const question = {
      action: "a", prompt: "p", name: "release", kind: "bool", html: "", expires_at_ms: Date.now() + 3_600_000, answer: "", answered_by: "",
      answered_at_ms: -1, standing: "open",
    };
    const waits = { run: "r1", task: "env.main", source: "", question };
    const page = document.createElement("div");
    runs.ask([waits]);
    const left = lost({ phase: 1, owned_here: true }, (store) => {
      store.take({ type: "diff", seq: 2, nodes: [], header: null, prompts: [question] });
      render(h(RunView, { store }), page);
    });
    await act(async () => { await vi.advanceTimersByTimeAsync(1_500); });
    expect(page.textContent).toContain("%flyte_answer r1 release VALUE");
    runs.ask([]);
    await act(async () => { await vi.advanceTimersByTimeAsync(1_500); });
    expect(page.textContent).toContain("release: answered; the run takes the answer when it is resumed");
    expect(page.textContent).not.toContain("VALUE");
    render(null, page);
    left();
    end();
  });

  it("has its timeline told anew when its run has ended elsewhere", async () => {
    const end = followLostRuns(runs as unknown as RunsStore, server, () => beginnings);
    answer = async () => line({ phase: "succeeded", ended_at: 9 });
    const left = lost({ phase: 1, owned_here: true }, (store) => {
      store.reader.show({ view: "timeline" });
      store.reader.askTimeline(null);
    });
    await vi.advanceTimersByTimeAsync(1_500);
    sockets[0]!.onopen();
    expect(sockets[0]!.sent).toEqual(["hello", "ask_timeline"]);
    left();
    end();
  });

  it("follows a run that goes on in another kernel all along", async () => {
    const end = followLostRuns(runs as unknown as RunsStore, server, () => beginnings);
    answer = async () => line();
    const left = lost({ phase: 1, owned_here: false });
    await vi.advanceTimersByTimeAsync(1_500);
    expect(sockets.length).toBe(1);
    left();
    end();
  });
});

type Kernel = NonNullable<NonNullable<Notebook["sessionContext"]["session"]>["kernel"]>;

describe("the pictures of a notebook", () => {
  const signal = { connect: () => undefined, disconnect: () => undefined };
  const notebookWith = (output: Bundle, changes: Partial<Notebook> = {}) => {
    const model = { dirty: false, cells: { length: 1, get: () => ({ outputs }) } };
    const outputs = {
      length: 1, get: () => ({ type: "display_data", ...output }),
      set: (_: number, { data, metadata }: Bundle) => {
        output = { data, metadata };
        model.dirty = true;
      },
    };
    const notebook: Notebook = {
      ready: Promise.resolve(), isDisposed: false, disposed: signal, model, sessionContext: sessionWith(null), ...changes,
    };
    return { notebook, shown: () => output.data["text/html"] };
  };
  const sessionWith = (kernel: Kernel | null) => ({ ready: Promise.resolve(), iopubMessage: signal, session: { kernel } });
  const marked = { data: { "text/html": "as saved" }, metadata: { [MARK]: { place: "p", run: "r1", created_at: 0, picture: "", is_live: false } } };
  const picture = (html: string, isFinal: boolean) => async () => ({ created_at: 0, is_final: isFinal, html, text: "" });

  it("are kept of a run that was resumed and has ended before anybody looked again", async () => {
    const { notebook, shown } = notebookWith(marked);
    const keeper = new PictureKeeper(notebook, runs as unknown as RunsStore, server);
    answer = picture("interrupted", false);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(shown()).toBe("interrupted");
    answer = picture("succeeded", true);
    runs.tell([line()]);
    runs.tell([]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(shown()).toBe("succeeded");
    keeper.dispose();
  });

  it.each([["has it", { w1: {} }, "live"], ["has it not", {}, ""], ["does not say", undefined, "live"]])(
    "are taken from no widget that is out of sight unless its kernel has it not: it %s", async (_, comms, left) => {
      const widget = {
        data: { "application/vnd.jupyter.widget-view+json": { model_id: "w1" }, "text/html": "live" },
        metadata: { [MARK]: { ...marked.metadata[MARK], picture: "0".repeat(32), is_live: true } },
      };
      const kernel = { requestCommInfo: () => (comms === undefined ? Promise.reject(new Error("gone")) : Promise.resolve({ content: { comms } })) };
      const { notebook, shown } = notebookWith(widget, { sessionContext: sessionWith(kernel) });
      const keeper = new PictureKeeper(notebook, runs as unknown as RunsStore, server);
      answer = picture("succeeded", true);
      await vi.advanceTimersByTimeAsync(1_000);
      expect(shown()).toBe(left);
      keeper.dispose();
    });

  it("change nothing that is to be saved where nobody may save it", async () => {
    const { notebook, shown } = notebookWith(marked, { contentsModel: { writable: false } });
    const keeper = new PictureKeeper(notebook, runs as unknown as RunsStore, server);
    answer = picture("succeeded", true);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([shown(), notebook.model!.dirty]).toEqual(["succeeded", false]);
    keeper.dispose();
  });

  it("are left alone where several pages edit it together, and the kernel is not told otherwise", async () => {
    const { notebook, shown } = notebookWith(marked);
    notebook.model!.collaborative = true;
    let open: (context: unknown) => void = () => undefined;
    const documents = { addWidgetExtension: (_: string, { createNew }: { createNew: (_: unknown, context: unknown) => void }) => {
      open = (context) => createNew(undefined, context);
      return { dispose: () => undefined };
    } };
    const end = keepPictures(documents as unknown as Parameters<typeof keepPictures>[0], runs as unknown as RunsStore, server);
    expect(keepsPictures()).toBe(true);
    open(notebook);
    answer = picture("succeeded", true);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(shown()).toBe("as saved");
    expect(keepsPictures()).toBe(false);
    end();
  });
});
