// @vitest-environment jsdom
import { h, render } from "preact";
import { act } from "preact/test-utils";
import { describe, expect, it } from "vitest";
import { momentOf, ranMs } from "../src/run/clock";
import { RunStore } from "../src/run/store";
import { NodePhase } from "../src/run/wire";
import { Timeline } from "../src/views/timeline";
import { header, node } from "./messages";

const HOUR = 3_600_000;
const times = { started_at_ms: 1_000, pauses: [[4_000, HOUR], [6_000, 2 * HOUR]] };

describe("a run that was resumed", () => {
  it("has run for as long as somebody drove it", () => {
    expect(ranMs(times, 1_000 + 3 * HOUR + 7_500)).toBe(7_500);
  });

  it("tells the time of day of what ran in each of its lives", () => {
    expect(momentOf(times, 3_000)).toBe(4_000);
    expect(momentOf(times, 5_000)).toBe(1_000 + HOUR + 5_000);
    expect(momentOf(times, 7_000)).toBe(1_000 + 3 * HOUR + 7_000);
  });

  it("has a timeline with all times that an action ran, and a mark where nobody drove it", async () => {
    const store = new RunStore("r1", () => {});
    const ended = header({ phase: NodePhase.SUCCEEDED, pauses: [[4_000, HOUR]] });
    store.take({ type: "reset", seq: 1, at_ms: Date.now(), heard: true, header: ended, nodes: [node("a", "")], open: [] });
    store.take({ type: "timeline", left_out: 0, spans: [["a", "main", 0, 0, 8_000, 3], ["b", "part", 1, 3_000, 4_000, 5], ["b", "part", 1, 5_000, 7_000, 3]] });
    const page = document.createElement("div");
    await act(() => render(h(Timeline, { store, now: Date.now(), onSelect: () => {} }), page));
    expect(page.querySelectorAll("rect")).toHaveLength(3);
    expect(page.querySelector(".fnb-gap")!.getAttribute("x1")).toBe("350");
    expect(page.textContent).toContain("stopped after 4.00 s, resumed 1 h 0 min later");
  });

  it("has a timeline that goes on with its clock while an action waits, the pause left out", async () => {
    const store = new RunStore("r1", () => {});
    const waits = header({ started_at_ms: 1_000, pauses: [[4_000, HOUR]] });
    store.take({ type: "reset", seq: 1, at_ms: Date.now(), heard: true, header: waits, nodes: [node("a", "", 0, NodePhase.PAUSED)], open: [] });
    store.take({ type: "timeline", left_out: 0, spans: [["a", "main", 0, 9_000, 9_000, NodePhase.PAUSED]] });
    const page = document.createElement("div");
    await act(() => render(h(Timeline, { store, now: 1_000 + HOUR + 31_000, onSelect: () => {} }), page));
    expect(page.querySelector("svg")!.getAttribute("aria-label")).toContain("over 31.0 s");
    expect(page.querySelector("rect title")!.textContent).toContain("22.0 s, from 9.00 s on");
  });
});
