import type { RunFilter } from "./wire";

/** What the reader wants to see; all of it empty is everything. */
export interface Choice {
  text: string;
  groups: readonly string[];
  task: string;
  source: string;
}

export const EVERYTHING: Choice = { text: "", groups: [], task: "", source: "" };

/** Phases as people tell them apart. */
export const GROUPS: readonly { name: string; phases: readonly string[] }[] = [
  { name: "running", phases: ["queued", "waiting_for_resources", "initializing", "running"] },
  { name: "waiting", phases: ["paused"] },
  { name: "failed", phases: ["failed", "timed_out"] },
  { name: "aborted", phases: ["aborted"] },
  { name: "succeeded", phases: ["succeeded", "recovered"] },
];

const GOING_ON: ReadonlySet<string> = new Set(["running", "waiting"]);

export function isChoosing(choice: Choice): boolean {
  return choice.text !== "" || choice.groups.length > 0 || choice.task !== "" || choice.source !== "";
}

/** Whether the list may hold runs that go on. Where nothing is chosen they stand above it. */
export function takesRunning(choice: Choice): boolean {
  return isChoosing(choice) && (choice.groups.length === 0 || choice.groups.some((name) => GOING_ON.has(name)));
}

export function filterOf(choice: Choice): RunFilter {
  const chosen = isChoosing(choice) ? GROUPS.filter(({ name }) => choice.groups.includes(name)) : GROUPS.filter(({ name }) => !GOING_ON.has(name));
  return { text: choice.text, task: choice.task, source: choice.source, phases: chosen.flatMap((group) => group.phases) };
}

/** A choice that was kept somewhere, whatever became of it there. */
export function choiceFrom(kept: unknown): Choice {
  const { text, groups, task, source } = (typeof kept === "object" && kept !== null ? kept : {}) as Record<string, unknown>;
  const word = (value: unknown) => (typeof value === "string" ? value : "");
  const known = Array.isArray(groups) ? groups.filter((name) => GROUPS.some((group) => group.name === name)) : [];
  return { text: word(text), groups: known, task: word(task), source: word(source) };
}
