import { NodePhase, PHASES } from "./wire";

export { PHASES };

export type PhaseLook = (typeof PHASES)[number];

export function look(phase: number): PhaseLook {
  return PHASES[phase] ?? { sign: "?", word: "unknown", name: "queued" };
}

export function isTerminal(phase: number): boolean {
  return phase >= NodePhase.SUCCEEDED;
}
