import type { Notice, Prompt } from "./wire";

const OPEN = 10;
const CLOSED = 3;

/** An answer as people say it; it travels as JSON. */
export function answerText({ kind, answer }: Prompt): string {
  return kind === "bool" ? (answer === "true" ? "Yes" : "No") : answer;
}

/** Whether an answer was taken for the run, which has not heard it yet. */
export function isKept(outcome: Notice | undefined): boolean {
  return outcome?.level === "info" && outcome.text.startsWith("kept");
}

/** Why a question takes no answer any more; "" if it takes one, or has one. `now` is the time where it is asked. */
export function whyUnanswered(prompt: Prompt, now: number, canResume: boolean): string {
  if (prompt.answer !== "") return "";
  if (prompt.expires_at_ms <= now) return "nobody answered in time";
  if (prompt.standing === "stopped" && !canResume) return "its task was stopped before anybody answered";
  if (prompt.standing === "over") return "its task has ended without an answer";
  return "";
}

/** The questions to show: those that wait for an answer, and the last of the others. */
export function questionsToShow(prompts: readonly Prompt[], now: number, canResume: boolean): Prompt[] {
  const waits = (prompt: Prompt) => prompt.answer === "" && whyUnanswered(prompt, now, canResume) === "";
  return [...prompts.filter(waits).slice(0, OPEN), ...prompts.filter((prompt) => !waits(prompt)).slice(-CLOSED)];
}
