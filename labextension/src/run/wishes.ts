import type { FromPage } from "./wire";

const BEGINS_WITHIN_MS = 5_000;
const HEARD_WITHIN_MS = 10_000;

/** What makes tasks run. */
export type Beginning = Extract<FromPage["type"], "resume" | "rerun">;

/** What the reader has asked of the run and has not come about yet. */
export class Wishes {
  /** What is to be stopped and has not ended yet, and since when; an empty action is the run. */
  readonly stopping = new Map<string, number>();
  /** What was asked to begin a moment ago, if nothing was said of it since: a second click would begin it twice. */
  beginning: Beginning | "" = "";
  private readonly unheard = new Set<string>();
  private readonly toldToStop = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly changed: () => void) {}

  /** Whether `what` is to be asked for now. */
  begin(what: Beginning): boolean {
    if (this.beginning !== "") return false;
    this.beginning = what;
    this.timer = setTimeout(() => { this.begun(); this.changed(); }, BEGINS_WITHIN_MS);
    return true;
  }

  /** It has begun, or something was said of it. */
  begun(): void {
    clearTimeout(this.timer);
    this.beginning = "";
  }

  stop(action: string): void {
    this.stopping.set(action, Date.now());
    this.unheard.add(action);
    this.toldToStop.add(action);
  }

  /** The other side has heard that an action is to be stopped; false if nobody here has asked for that. */
  heardToStop(action: string): boolean {
    this.unheard.delete(action);
    return this.toldToStop.has(action);
  }

  /** Forget what has ended, and what was lost on its way: the other side speaks, and has not said that it heard it. */
  stopped(hasEnded: (action: string) => boolean, heardAt: number): void {
    for (const [action, since] of this.stopping) {
      const wasLost = this.unheard.has(action) && heardAt - since >= HEARD_WITHIN_MS;
      if (wasLost || hasEnded(action)) this.stopping.delete(action);
    }
  }

  /** None of it will come about. */
  clear(): void {
    this.begun();
    this.stopping.clear();
  }
}
