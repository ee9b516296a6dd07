import { isTerminal } from "./phases";
import type { Span } from "./wire";

/** A place on an axis of time. */
export interface Tick {
  ms: number;
  text: string;
}

const STEPS_MS = [1, 2, 5].flatMap((digit) => [0.01, 0.1, 1, 10, 100, 1_000].map((unit) => digit * unit));
const LONG_STEPS_MS = [10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400].map((seconds) => seconds * 1_000);
const ALL_STEPS_MS = [...STEPS_MS, ...LONG_STEPS_MS].sort((a, b) => a - b);

/** Round times from 0 to `endMs`, at most so many, each with a text of its own. */
export function axisOf(endMs: number, most: number): Tick[] {
  const least = endMs / Math.max(1, most);
  const days = 86_400_000 * Math.ceil(least / 86_400_000);
  const step = ALL_STEPS_MS.find((one) => one >= least) ?? days;
  return Array.from({ length: Math.floor(endMs / step + 1e-6) + 1 }, (_, index) => ({ ms: index * step, text: textOf(index * step, step) }));
}

function textOf(ms: number, step: number): string {
  if (ms === 0) return "0";
  if (step < 1_000 && ms < 1_000) return `${Number(ms.toFixed(2))} ms`;
  if (ms < 60_000) return `${Number((ms / 1_000).toFixed(step < 1_000 ? 5 : 0))} s`;
  const minutes = Math.floor(ms / 60_000);
  const seconds = Math.round((ms % 60_000) / 1_000);
  if (minutes < 60) return seconds === 0 ? `${minutes} min` : `${minutes} min ${seconds} s`;
  const hours = Math.floor(minutes / 60);
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
}

/** Spans of a run that goes on: what has not ended lasts until now. */
export function goingOn(spans: readonly Span[], ranMs: number): Span[] {
  return spans.map((span) => {
    const [action, label, depth, startMs, endMs, phase] = span;
    return isTerminal(phase) ? span : [action, label, depth, startMs, Math.max(endMs, ranMs), phase];
  });
}

/** The lane of every span: the first one that is free when it begins. None is shorter than `leastMs` there. */
export function inLanes(spans: readonly Span[], leastMs = 1): { of: number[]; count: number } {
  const order = spans.map((_, index) => index).sort((a, b) => spans[a]![3] - spans[b]![3] || spans[a]![2] - spans[b]![2]);
  const freeFrom: number[] = [];
  const of = new Array<number>(spans.length).fill(0);
  for (const index of order) {
    const [, , , startMs, endMs] = spans[index]!;
    let lane = freeFrom.findIndex((free) => free <= startMs);
    if (lane === -1) lane = freeFrom.push(0) - 1;
    freeFrom[lane] = Math.max(endMs, startMs + leastMs);
    of[index] = lane;
  }
  return { of, count: Math.max(1, freeFrom.length) };
}

/** For how long nothing is in its lane after each span. */
export function roomAfter(spans: readonly Span[], lanes: readonly number[], endMs: number): number[] {
  const begins = new Map<number, number>();
  const room = new Array<number>(spans.length).fill(0);
  const latestFirst = spans.map((_, index) => index).sort((a, b) => spans[b]![3] - spans[a]![3]);
  for (const index of latestFirst) {
    const lane = lanes[index]!;
    room[index] = (begins.get(lane) ?? endMs) - spans[index]![4];
    begins.set(lane, spans[index]![3]);
  }
  return room;
}
