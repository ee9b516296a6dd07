import { useEffect, useMemo } from "preact/hooks";
import { count, duration } from "../run/format";
import { isTerminal, look } from "../run/phases";
import type { RunStore } from "../run/store";
import type { Span } from "../run/wire";
import { Reading } from "./reading";

const WIDTH = 1_000;
const MAX_HEIGHT = 360;
const LEAST_LANE = 3;
const LETTER_PX = 6.5;
const LIKELY_WIDTH_PX = 700;

/** What ran when: a bar for every action, in as many lanes as ran side by side. */
export function Timeline({ store, onSelect }: { store: RunStore; onSelect: (action: string) => void }) {
  const running = store.header !== null && !isTerminal(store.header.phase);
  useEffect(() => {
    store.askTimeline();
    if (!running) return;
    const timer = setInterval(() => store.askTimeline(), 1_000);
    return () => clearInterval(timer);
  }, [store, running]);
  const timeline = store.timeline;
  const lanes = useMemo(() => inLanes(timeline?.spans ?? []), [timeline]);
  if (timeline === null) return <Reading store={store} />;
  if (timeline.spans.length === 0) return <p class="fnb-quiet">Nothing has run yet.</p>;
  const end = Math.max(1, ...timeline.spans.map(([, , , , endMs]) => endMs));
  const laneHeight = Math.max(LEAST_LANE, Math.min(20, Math.floor(MAX_HEIGHT / lanes.count)));
  const height = lanes.count * laneHeight;
  const pauses = store.header?.pauses ?? [];
  return (
    <div class="fnb-timeline">
      <div class="fnb-lanes" {...(height > MAX_HEIGHT && { tabIndex: 0, role: "group", "aria-label": "All that ran" })}>
        <svg viewBox={`0 0 ${WIDTH} ${height}`} preserveAspectRatio="none" style={{ height: `${height}px` }} role="img"
          aria-label={`Timeline of ${count(timeline.spans.length, "action")} over ${duration(end)}`}>
          {timeline.spans.map(([action, label, , startMs, endMs, phase], index) => (
            <rect key={`${action} ${startMs}`} class={`fnb-span fnb-${look(phase).name}`} x={(WIDTH * startMs) / end}
              y={lanes.of[index]! * laneHeight} width={Math.max(1, (WIDTH * (endMs - startMs)) / end)}
              height={laneHeight - (laneHeight > 4 ? 2 : 1)} rx={laneHeight > 8 ? 2 : 0} onClick={() => onSelect(action)}>
              <title>{`${label}: ${look(phase).word}, ${duration(endMs - startMs)}, from ${duration(startMs)} on`}</title>
            </rect>
          ))}
          {pauses.map(([atMs, lastedMs]) => (
            <g key={atMs}>
              <title>{`Nobody drove the run for ${duration(lastedMs!)}`}</title>
              <line class="fnb-gap" x1={(WIDTH * atMs!) / end} x2={(WIDTH * atMs!) / end} y1={0} y2={height} />
            </g>
          ))}
        </svg>
        {laneHeight >= 14 && <Labels spans={timeline.spans} lanes={lanes.of} end={end} laneHeight={laneHeight} />}
      </div>
      <div class="fnb-axis fnb-quiet" aria-hidden="true">
        {[0, 0.25, 0.5, 0.75, 1].map((part) => <span key={part}>{duration(end * part)}</span>)}
      </div>
      {pauses.map(([atMs, lastedMs]) => (
        <p class="fnb-quiet" key={atMs}>paused for {duration(lastedMs!)} after {duration(atMs!)}</p>
      ))}
      {timeline.left_out > 0 && <p class="fnb-quiet">{count(timeline.left_out, "more action is", "more actions are")} not drawn.</p>}
    </div>
  );
}

function Labels(props: { spans: Span[]; lanes: number[]; end: number; laneHeight: number }) {
  return (
    <div class="fnb-span-labels" aria-hidden="true">
      {props.spans.map(([action, label, , startMs, endMs], index) => {
        const width = (100 * (endMs - startMs)) / props.end;
        if (width * LIKELY_WIDTH_PX < 50 * LETTER_PX * label.length) return null;
        return (
          <span key={`${action} ${startMs}`} style={{
            left: `${(100 * startMs) / props.end}%`, width: `${width}%`, top: `${props.lanes[index]! * props.laneHeight}px`,
            height: `${props.laneHeight - 2}px`, lineHeight: `${props.laneHeight - 2}px`,
          }}>
            {label}
          </span>
        );
      })}
    </div>
  );
}

/** The lane of every span: the first one that is free when it begins. */
export function inLanes(spans: readonly Span[]): { of: number[]; count: number } {
  const order = spans.map((_, index) => index).sort((a, b) => spans[a]![3] - spans[b]![3] || spans[a]![2] - spans[b]![2]);
  const freeFrom: number[] = [];
  const of = new Array<number>(spans.length).fill(0);
  for (const index of order) {
    const [, , , startMs, endMs] = spans[index]!;
    let lane = freeFrom.findIndex((free) => free <= startMs);
    if (lane === -1) lane = freeFrom.push(0) - 1;
    freeFrom[lane] = Math.max(endMs, startMs + 1);
    of[index] = lane;
  }
  return { of, count: Math.max(1, freeFrom.length) };
}
