import type { Day } from "./wire";

export const DAY_HEIGHT = 28;
export const LINE_HEIGHT = 46;

/** Something in the list: the head of a day, or the run with that number. */
export interface Place {
  kind: "day" | "run";
  /** Of a day: its number; of a run: where it stands in the list. */
  number: number;
  runs: number;
  top: number;
}

/** How high the whole list is. */
export function listHeight(days: readonly Day[]): number {
  return days.reduce((height, [, runs]) => height + DAY_HEIGHT + runs * LINE_HEIGHT, 0);
}

/** What stands between two heights, in order. */
export function placesBetween(days: readonly Day[], from: number, to: number): Place[] {
  const places: Place[] = [];
  let top = 0;
  let before = 0;
  for (const [day, runs] of days) {
    const bottom = top + DAY_HEIGHT + runs * LINE_HEIGHT;
    if (bottom >= from && top <= to) {
      if (top + DAY_HEIGHT >= from) places.push({ kind: "day", number: day, runs, top });
      const first = Math.max(0, Math.floor((from - top - DAY_HEIGHT) / LINE_HEIGHT));
      for (let index = first; index < runs; index += 1) {
        const y = top + DAY_HEIGHT + index * LINE_HEIGHT;
        if (y > to) break;
        places.push({ kind: "run", number: before + index, runs: 1, top: y });
      }
    }
    if (top > to) break;
    top = bottom;
    before += runs;
  }
  return places;
}

/** Where the run with that number begins. */
export function topOf(days: readonly Day[], number: number): number {
  let top = 0;
  let before = 0;
  for (const [, runs] of days) {
    if (number < before + runs) return top + DAY_HEIGHT + (number - before) * LINE_HEIGHT;
    top += DAY_HEIGHT + runs * LINE_HEIGHT;
    before += runs;
  }
  return top;
}
