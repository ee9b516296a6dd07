import { INTERRUPTED, look, type PhaseLook } from "../run/phases";
import { NodePhase } from "../run/wire";
import type { RunLine } from "./wire";

const NUMBERS: Readonly<Record<string, number>> = {
  queued: NodePhase.QUEUED, waiting_for_resources: NodePhase.QUEUED, initializing: NodePhase.QUEUED,
  running: NodePhase.RUNNING, paused: NodePhase.PAUSED, succeeded: NodePhase.SUCCEEDED, recovered: NodePhase.RECOVERED,
  failed: NodePhase.FAILED, timed_out: NodePhase.TIMED_OUT, aborted: NodePhase.ABORTED,
};

/** How the state of a run looks; one whose process is gone is interrupted, one that asks a question waits. */
export function stateOf(run: RunLine, asks = false): PhaseLook {
  if (run.interrupted) return INTERRUPTED;
  return look(asks && !hasEnded(run) ? NodePhase.PAUSED : (NUMBERS[run.phase] ?? -1));
}

export function hasEnded(run: RunLine): boolean {
  return run.interrupted || (NUMBERS[run.phase] ?? 0) >= NodePhase.SUCCEEDED;
}

/** Of a task's name the environment with its dot, which may be empty. */
export function environmentOf(task: string): string {
  return task.slice(0, task.lastIndexOf(".") + 1);
}

/** A notebook or file as people call it. */
export function shortSource(source: string): string {
  return source.replace(/\.ipynb$/, "");
}

/** The last part of a task's name, which is the function. */
export function shortTask(task: string): string {
  return task.slice(task.lastIndexOf(".") + 1);
}
