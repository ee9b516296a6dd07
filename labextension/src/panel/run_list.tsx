import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Doors } from "./doors";
import { LINE_HEIGHT, listHeight, placesBetween, topOf } from "./list_layout";
import { RunLineText } from "./run_line";
import type { RunsStore } from "./runs_store";

const OVERSCAN = 6 * LINE_HEIGHT;
const DAY_MS = 86_400_000;

let lists = 0;

/** All runs that were chosen, by day. Only those that can be seen are on the page, however many there are. */
export function RunList({ store, doors, now }: { store: RunsStore; doors: Doors; now: number }) {
  const prefix = useMemo(() => `fnb-runs-${(lists += 1)}`, []);
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [active, setActive] = useState(0);
  const places = placesBetween(store.days, view.top - OVERSCAN, view.top + view.height + OVERSCAN);
  const runs = places.filter((place) => place.kind === "run");
  const activeIsDrawn = runs.some((place) => place.number === active);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const measure = () => setView({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (runs.length > 0) store.show(runs[0]!.number, runs.at(-1)!.number);
  });

  const goTo = (wanted: number) => {
    const number = Math.max(0, Math.min(store.total - 1, wanted));
    const element = scroller.current;
    setActive(number);
    if (element === null) return;
    const y = topOf(store.days, number);
    if (number === 0) element.scrollTop = 0;
    else if (y < element.scrollTop) element.scrollTop = y;
    else if (y + LINE_HEIGHT > element.scrollTop + element.clientHeight) element.scrollTop = y + LINE_HEIGHT - element.clientHeight;
    setView({ top: element.scrollTop, height: element.clientHeight });
  };
  const open = (number: number) => {
    const run = store.at(number);
    if (run !== undefined) doors.openRun(run.name);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.altKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(view.height / LINE_HEIGHT) - 1);
    const moves: Record<string, () => void> = {
      ArrowDown: () => goTo(active + 1), ArrowUp: () => goTo(active - 1), PageDown: () => goTo(active + page),
      PageUp: () => goTo(active - page), Home: () => goTo(0), End: () => goTo(store.total - 1),
      Enter: () => open(active), " ": () => open(active),
    };
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    move();
  };

  return (
    <div class="fnb-runs" role="grid" aria-label="Runs" aria-rowcount={store.total} tabIndex={0} ref={scroller}
      aria-activedescendant={activeIsDrawn ? `${prefix}-${active}` : undefined} onKeyDown={onKeyDown}
      onScroll={({ currentTarget }) => setView({ top: currentTarget.scrollTop, height: currentTarget.clientHeight })}>
      <div class="fnb-canvas" role="rowgroup" style={{ height: `${listHeight(store.days)}px` }}>
        {places.map((place) => {
          if (place.kind === "day")
            return (
              <div key={`day ${place.number}`} class="fnb-day" role="row" style={{ transform: `translateY(${place.top}px)` }}>
                <span role="rowheader">{dayName(place.number)} <span class="fnb-quiet">{place.runs.toLocaleString("en")}</span></span>
              </div>
            );
          const run = store.at(place.number);
          return (
            <div key={run?.name ?? place.number} id={`${prefix}-${place.number}`} role="row" aria-rowindex={place.number + 1}
              class={`fnb-line${place.number === active ? " fnb-active" : ""}`} style={{ transform: `translateY(${place.top}px)` }}
              onClick={() => { setActive(place.number); open(place.number); }}>
              <div role="gridcell" class="fnb-line-cell">
                {run === undefined ? <span class="fnb-quiet">…</span>
                  : <RunLineText run={run} store={store} doors={doors} now={now} active={place.number === active} />}
              </div>
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** A day as people say it. */
export function dayName(day: number, now = Date.now()): string {
  const today = Math.floor((now - new Date(now).getTimezoneOffset() * 60_000) / DAY_MS);
  if (day === today) return "Today";
  if (day === today - 1) return "Yesterday";
  const options = { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" } as const;
  const year = new Date(day * DAY_MS).getUTCFullYear() === new Date(now).getUTCFullYear() ? {} : ({ year: "numeric" } as const);
  return new Date(day * DAY_MS).toLocaleDateString([], { ...options, ...year });
}
