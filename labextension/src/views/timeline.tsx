import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { isFiltering } from "../run/filter";
import { ranMs } from "../run/clock";
import { count, duration } from "../run/format";
import { look } from "../run/phases";
import { actionsLookedFor } from "../run/rows";
import type { RunStore } from "../run/store";
import { axisOf, goingOn, inLanes, roomAfter } from "../run/time_axis";
import type { Span } from "../run/wire";
import { Reading } from "./reading";

const MOST_BARS = 2_000;
const MAX_HEIGHT = 360;
const LEAST_LANE = 3;
const LEAST_BAR_PX = 3;
const LETTER_PX = 6.5;
const LAST_TEXT_PX = 45;
const LIKELY_WIDTH_PX = 700;

/** What ran when: a bar for every action, in as many lanes as ran side by side. */
export function Timeline({ store, now, onSelect }: { store: RunStore; now: number; onSelect: (action: string) => void }) {
  const { running, timeline } = store;
  const { filter } = store.reader;
  const filtering = isFiltering(filter);
  const searchedAll = filtering && store.unread === 0;
  useEffect(() => {
    const ask = () => store.reader.askTimeline(actionsLookedFor(store, filter, MOST_BARS));
    ask();
    if (!running) return;
    const timer = setInterval(() => { if (store.askedAt === 0) ask(); }, 1_000);
    return () => clearInterval(timer);
  }, [store, running, filter, searchedAll]);
  if (timeline === null) return <Reading store={store} />;
  if (timeline.spans.length === 0) return <p class="fnb-quiet">{filtering ? "Nothing that was found has run." : "Nothing has run yet."}</p>;
  const pauses = store.header?.pauses ?? [];
  const spans = running ? goingOn(timeline.spans, ranMs(store.header!, now)) : timeline.spans;
  return (
    <div class="fnb-timeline">
      <Bars store={store} spans={spans} pauses={pauses} onSelect={onSelect} />
      {pauses.map(([atMs, lastedMs]) => (
        <p class="fnb-quiet" key={atMs}>stopped after {duration(atMs!)}, resumed {duration(lastedMs!)} later</p>
      ))}
      {timeline.left_out > 0 && <p class="fnb-quiet">{count(timeline.left_out, "more action is", "more actions are")} not drawn.</p>}
    </div>
  );
}

function Bars(props: { store: RunStore; spans: Span[]; pauses: number[][]; onSelect: (action: string) => void }) {
  const { store, spans } = props;
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(LIKELY_WIDTH_PX);
  useLayoutEffect(() => {
    const measure = () => setWidth(box.current?.clientWidth || LIKELY_WIDTH_PX);
    measure();
    if (typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(measure);
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  const end = Math.max(0.1, ...spans.map(([, , , , endMs]) => endMs));
  const leastMs = (end * LEAST_BAR_PX) / width;
  const lanes = useMemo(() => inLanes(spans, leastMs), [spans, leastMs]);
  const axis = axisOf(end, Math.floor(width / 110));
  const laneHeight = Math.max(LEAST_LANE, Math.min(20, Math.floor(MAX_HEIGHT / lanes.count)));
  const height = lanes.count * laneHeight;
  const x = (ms: number) => (width * ms) / end;
  return (
    <>
      <div class="fnb-lanes" {...(height > MAX_HEIGHT && { tabIndex: 0, role: "group", "aria-label": "All that ran" })}>
        <div ref={box} />
        <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" style={{ height: `${height}px` }} role="img"
          aria-label={`Timeline of ${count(spans.length, "action")} over ${duration(end)}`}>
          {axis.map(({ ms }) => <line key={ms} class="fnb-tick" x1={x(ms)} x2={x(ms)} y1={0} y2={height} />)}
          {spans.map(([action, label, , startMs, endMs, phase], index) => {
            const wide = Math.max(LEAST_BAR_PX, x(endMs - startMs));
            return (
              <rect key={`${action} ${startMs}`} class={`fnb-span fnb-${look(phase).name}`} x={Math.min(x(startMs), width - wide)}
                y={lanes.of[index]! * laneHeight} width={wide} height={laneHeight - (laneHeight > 4 ? 2 : 1)} rx={laneHeight > 8 ? 2 : 0}
                onClick={() => props.onSelect(action)}>
                <title>{`${named(store, action, label)}: ${look(phase).word}, ${duration(endMs - startMs)}, from ${duration(startMs)} on`}</title>
              </rect>
            );
          })}
          {props.pauses.map(([atMs, lastedMs]) => (
            <g key={atMs}>
              <title>{`Nobody drove the run for ${duration(lastedMs!)}`}</title>
              <line class="fnb-gap" x1={x(atMs!)} x2={x(atMs!)} y1={0} y2={height} />
            </g>
          ))}
        </svg>
        {laneHeight >= 14 && <Labels store={store} spans={spans} lanes={lanes.of} end={end} width={width} laneHeight={laneHeight} />}
      </div>
      <div class="fnb-axis fnb-quiet" aria-hidden="true">
        {axis.map(({ ms, text }) => <span key={ms} class={x(ms) > width - LAST_TEXT_PX ? "fnb-before" : undefined} style={{ left: `${(100 * ms) / end}%` }}>{text}</span>)}
      </div>
    </>
  );
}

/** Names of actions: in their bars, or after them where there is room before the next one. */
function Labels(props: { store: RunStore; spans: Span[]; lanes: number[]; end: number; width: number; laneHeight: number }) {
  const { store, spans, lanes, end, width, laneHeight } = props;
  const room = useMemo(() => roomAfter(spans, lanes, end), [spans, lanes, end]);
  const px = (ms: number) => (width * ms) / end;
  const line = { height: `${laneHeight - 2}px`, lineHeight: `${laneHeight - 2}px` };
  return (
    <div class="fnb-span-labels" aria-hidden="true">
      {spans.map(([action, label, , startMs, endMs], index) => {
        const text = named(store, action, label);
        const place = { ...line, top: `${lanes[index]! * laneHeight}px` };
        for (const one of new Set([text, label])) {
          const needed = LETTER_PX * one.length + 12;
          if (px(endMs - startMs) >= needed)
            return <span key={`${action} ${startMs}`} style={{ ...place, left: `${px(startMs)}px`, width: `${px(endMs - startMs)}px` }}>{one}</span>;
          if (px(room[index]!) >= needed)
            return <span key={`${action} ${startMs}`} class="fnb-after" style={{ ...place, left: `${Math.max(px(endMs), px(startMs) + LEAST_BAR_PX)}px` }}>{one}</span>;
        }
        return null;
      })}
    </div>
  );
}

function named(store: RunStore, action: string, label: string): string {
  const hint = store.nodes.get(action)?.hint ?? "";
  return hint === "" ? label : `${label} ${hint}`;
}
