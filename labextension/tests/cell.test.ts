// @vitest-environment jsdom
import { act } from "preact/test-utils";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import widget from "../src/cell/widget";
import type { FromPage } from "../src/run/wire";
import { header, node } from "./messages";

/** What anywidget and JupyterLab give to a widget. */
class Model {
  readonly sent: FromPage[] = [];
  private take = (_: unknown): void => {};
  private gone = (): void => {};
  private closed = (): void => {};
  readonly widget_manager = {
    context: { sessionContext: { disposed: { connect: (slot: () => void) => { this.closed = slot; }, disconnect: () => {} } } },
    kernel: { statusChanged: { connect: () => {}, disconnect: () => {} }, disposed: { connect: (slot: () => void) => { this.gone = slot; }, disconnect: () => {} } },
  };

  get = (name: "name" | "picture") => (name === "name" ? "r1" : "p1");
  send = (message: unknown) => void this.sent.push(message as FromPage);
  on = (_: "msg:custom", callback: (content: unknown) => void) => { this.take = callback; };
  off = () => {};

  tell(message: unknown): void {
    this.take(message);
  }

  die(): void {
    this.gone();
  }

  /** As JupyterLab does: the session, and then the connection to its kernel. */
  closeNotebook(): void {
    this.closed();
    this.gone();
  }

  /** The kinds of messages that the page has sent since the last call. */
  said(): string[] {
    return this.sent.splice(0).map(({ type }) => type);
  }
}

let model: Model;
let close: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  model = new Model();
  close = widget.initialize({ model });
});

afterEach(() => {
  close();
  vi.useRealTimers();
});

const shown = async () => {
  let dispose = () => {};
  await act(() => { dispose = widget.render({ model, el: document.createElement("div") }); });
  return () => act(() => dispose());
};
const answer = () => model.tell({ type: "reset", seq: 1, at_ms: Date.now(), heard: true, header: header({ phase: 3 }), nodes: [node("a", "")], open: ["a"] });
const hidesStatic = () => [...document.querySelectorAll("style")].some(({ textContent }) => textContent!.includes(".fnb-static-p1"));

describe("a view of a run", () => {
  it("that is cleared away is said to be gone, and one that comes back asks for everything", async () => {
    const dispose = await shown();
    answer();
    expect(model.said()).toEqual(["hello"]);
    await dispose();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(model.said()).toEqual(["leave"]);
    const again = await shown();
    expect(model.said()).toEqual(["hello"]);
    await again();
  });

  it("asks until it is answered, and no more when its model is closed", async () => {
    const dispose = await shown();
    await vi.advanceTimersByTimeAsync(4_000);
    expect(model.said()).toEqual(["hello", "hello", "hello"]);
    close();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(model.said()).toEqual([]);
    await dispose();
  });

  it.each([["its notebook is closed", () => model.closeNotebook()], ["its page is loaded anew", () => window.dispatchEvent(new Event("pagehide"))]])(
    "has gone when %s, and says so in time", async (_, leave) => {
      const dispose = await shown();
      answer();
      model.said();
      leave();
      expect(model.said()).toEqual(["leave"]);
      await dispose();
    });

  it("asks for everything when the browser brings its page back as it was", async () => {
    const dispose = await shown();
    answer();
    window.dispatchEvent(new Event("pagehide"));
    model.said();
    window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: false }));
    expect(model.said()).toEqual([]);
    window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
    expect(model.said()).toEqual(["hello"]);
    await dispose();
  });

  it("hears nothing of what is for another browser", async () => {
    const dispose = await shown();
    answer();
    model.tell({ type: "diff", seq: 9, nodes: [], header: header({ phase: 3, task: "env.other" }), prompts: [], view: "another" });
    await vi.advanceTimersByTimeAsync(2_000);
    expect(model.said()).toEqual(["hello"]);
    await dispose();
  });

  it("that is moved has not gone", async () => {
    const dispose = await shown();
    answer();
    await dispose();
    const again = await shown();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(model.said()).toEqual(["hello"]);
    await again();
  });

  it("that is one of two has not gone either", async () => {
    const [one, other] = [await shown(), await shown()];
    answer();
    model.said();
    await one();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(model.said()).toEqual([]);
    await other();
  });

  it("tells of a reader who does anything on its page, and keeps quiet otherwise", async () => {
    const dispose = await shown();
    answer();
    model.said();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(model.said()).toEqual([]);
    window.dispatchEvent(new Event("wheel"));
    expect(model.said()).toEqual(["look"]);
    await dispose();
    model.said();
    vi.setSystemTime(Date.now() + 60_000);
    window.dispatchEvent(new Event("wheel"));
    expect(model.said()).toEqual([]);
  });
});

describe("the static picture below", () => {
  it("is hidden while the live one is there", async () => {
    const dispose = await shown();
    answer();
    expect(hidesStatic()).toBe(true);
    await dispose();
    expect(hidesStatic()).toBe(false);
  });

  it("is seen when the kernel goes before it has told of the run", async () => {
    const dispose = await shown();
    expect(hidesStatic()).toBe(true);
    model.die();
    await vi.advanceTimersByTimeAsync(300);
    expect(hidesStatic()).toBe(false);
    await dispose();
  });
});
