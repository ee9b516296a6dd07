import type { Notice } from "../run/wire";
import type { Answering } from "../views/prompt_form";
import { runPath, type Server } from "./server";

/** Answers that were given on this page, and what became of them, by run. */
export class Answers {
  private readonly outcomes = new Map<string, Map<string, Notice>>();

  /**
   * `timeThere`: what time it is at the server when it is that time here. `kept` is told of an answer that waits for its run to
   * be resumed: its question is gone from the list then.
   */
  constructor(
    private readonly server: Server, private readonly timeThere: (now: number) => number, private readonly changed: () => void,
    private readonly kept: (run: string, text: string) => void,
  ) {}

  of(run: string): Answering {
    const outcomes = this.outcomes.get(run) ?? new Map<string, Notice>();
    this.outcomes.set(run, outcomes);
    const keep = (prompt: string, level: string, text: string) => {
      outcomes.set(prompt, { type: "notice", level, text, about: prompt });
      this.changed();
    };
    return {
      outcomes,
      timeThere: this.timeThere,
      answer: (prompt, value) => {
        outcomes.delete(prompt);
        this.server.ask(runPath(run, "answer"), "POST", { prompt, value }).then(
          (content) => {
            const status = String((content as { status?: unknown }).status ?? "");
            keep(prompt, "info", status);
            if (status.startsWith("kept")) this.kept(run, status);
          },
          (error: Error) => keep(prompt, "error", error.message),
        );
      },
    };
  }
}
