import { NodePhase } from "./wire";

export interface PhaseLook {
  sign: string;
  word: string;
  name: string;
}

/** How a phase looks, by its number. Every phase has a sign and a word besides its colour. */
export const PHASES: readonly PhaseLook[] = [
  { sign: "○", word: "queued", name: "queued" },
  { sign: "◐", word: "running", name: "running" },
  { sign: "❚❚", word: "waits for an answer", name: "paused" },
  { sign: "✓", word: "succeeded", name: "succeeded" },
  { sign: "✓", word: "recovered", name: "recovered" },
  { sign: "✗", word: "failed", name: "failed" },
  { sign: "✗", word: "timed out", name: "timed-out" },
  { sign: "⊘", word: "aborted", name: "aborted" },
];

export function look(phase: number): PhaseLook {
  return PHASES[phase] ?? { sign: "?", word: "unknown", name: "queued" };
}

export function isTerminal(phase: number): boolean {
  return phase >= NodePhase.SUCCEEDED;
}
