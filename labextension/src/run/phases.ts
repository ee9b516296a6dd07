import { NodePhase, PHASES } from "./wire";

export { PHASES };

export type PhaseLook = (typeof PHASES)[number];

export function look(phase: number): PhaseLook {
  return PHASES[phase] ?? { sign: "?", word: "unknown", name: "queued" };
}

/** How a run looks whose process went away. */
export const INTERRUPTED: PhaseLook = { sign: "⊘", word: "interrupted", name: "aborted" };

export function isTerminal(phase: number): boolean {
  return phase >= NodePhase.SUCCEEDED;
}
