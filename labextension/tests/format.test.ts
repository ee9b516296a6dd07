import { describe, expect, it } from "vitest";
import { actionAddress, count, duration, safeAddress, ticking } from "../src/run/format";
import { NodePhase, type Span } from "../src/run/wire";
import { axisOf, goingOn, inLanes, roomAfter } from "../src/run/time_axis";

describe("a duration", () => {
  it("is as exact as people read it", () => {
    const read = [0, 45, 999, 1_234, 59_940, 61_000, 3_600_000, 5 * 3_600_000 + 60_000, 3 * 86_400_000].map(duration);
    expect(read).toEqual(["≤ 1 ms", "45 ms", "999 ms", "1.23 s", "59.9 s", "1 min 1 s", "1 h 0 min", "5 h 1 min", "3 d 0 h"]);
  });

  it("that goes on changes once a second", () => {
    expect([-5, 999, 1_999, 59_999, 60_000].map(ticking)).toEqual(["0 s", "0 s", "1 s", "59 s", "1 min 0 s"]);
  });
});

it("numbers are counted in words", () => {
  expect([count(1, "row"), count(2_000, "row"), count(2, "has", "have")]).toEqual(["1 row", "2,000 rows", "2 have"]);
});

it("addresses of the web are the only ones that a link may have", () => {
  const given = ["https://e.org", "http://e.org", "javascript:x()", "data:text/html,x", "file:///etc", "mailto:a@e.org", "/x", ""];
  expect(given.filter((address) => safeAddress(address) !== null)).toEqual(["https://e.org", "http://e.org"]);
});

it("a link of an action may also be a path to what the server of the page is a proxy of", () => {
  const good = ["/user/ada/proxy/8787/status", "/user/ada/proxy/10.0.0.7:8787/status", "https://e.org"];
  const bad = ["/logout", "/user/ada/files/x.html", "/proxy/8787/../../files/x", "//evil/proxy/1/x", "/a b/proxy/1/", "javascript:x()"];
  expect([...good, ...bad].filter((address) => actionAddress(address) !== null)).toEqual(good);
});

const span = (startMs: number, endMs: number, depth = 1): Span => [`${startMs}-${endMs}`, "x", depth, startMs, endMs, 3];

describe("the lanes of a timeline", () => {
  it("are as many as ran side by side", () => {
    expect(inLanes([span(0, 100, 0), span(0, 40), span(10, 90), span(40, 60)])).toEqual({ of: [0, 1, 2, 1], count: 3 });
  });

  it("keep apart what took no time at all", () => {
    expect(inLanes([span(5, 5), span(5, 5)]).count).toBe(2);
  });
});

describe("the timeline of a run that goes on", () => {
  it("reaches to now with what runs or waits, and no further with what has ended", () => {
    const spans = [NodePhase.RUNNING, NodePhase.PAUSED, NodePhase.SUCCEEDED].map((phase): Span => ["a", "x", 0, 5, 10, phase]);
    expect(goingOn(spans, 31_000).map(([, , , , endMs]) => endMs)).toEqual([31_000, 31_000, 10]);
    expect(goingOn(spans, 7).map(([, , , , endMs]) => endMs)).toEqual([10, 10, 10]);
  });
});

describe("the axis of a timeline", () => {
  it.each([
    [0.36, ["0", "0.1 ms", "0.2 ms", "0.3 ms"]],
    [3, ["0", "1 ms", "2 ms", "3 ms"]],
    [1_580, ["0", "500 ms", "1 s", "1.5 s"]],
    [130_000, ["0", "1 min", "2 min"]],
    [40 * 3_600_000, ["0", "12 h", "24 h", "36 h"]],
  ])("has round times, each said once: %d ms", (end, texts) => {
    expect(axisOf(end, 4).map(({ text }) => text)).toEqual(texts);
  });

  it("has room for names where nothing comes after a bar", () => {
    const spans = [span(0, 10), span(20, 30), span(0, 100)];
    expect(roomAfter(spans, [0, 0, 1], 100)).toEqual([10, 70, 0]);
  });
});
