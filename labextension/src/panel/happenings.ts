import { runPath, type Server } from "./server";
import type { RunLine, Waiting } from "./wire";

/** What happened to a run while somebody may have looked elsewhere. A question is settled when it waits no more. */
export type Happening = { kind: "ended"; run: RunLine } | { kind: "asked" | "settled"; waiting: Waiting };

/** Finds out what happened between one message of the server and the next. What was there before is no news. */
export class Happenings {
  private running: readonly RunLine[] = [];
  private heardOf: ReadonlyMap<string, Waiting> | null = null;
  private readonly watchers = new Set<(happening: Happening) => void>();

  constructor(private readonly server: Server) {}

  watch(watcher: (happening: Happening) => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  close(): void {
    this.watchers.clear();
  }

  /** These runs go on now. */
  takeRunning(running: readonly RunLine[]): void {
    const names = new Set(running.map(({ name }) => name));
    const ended = this.running.filter(({ name }) => !names.has(name));
    this.running = running;
    for (const { name } of ended) void this.tellOfEnd(name);
  }

  /** These questions wait now. */
  takeWaiting(waiting: readonly Waiting[]): void {
    const known = this.heardOf;
    const now = new Map(waiting.map((one) => [keyOf(one), one]));
    this.heardOf = now;
    if (known === null) return;
    for (const [key, one] of known) if (!now.has(key)) this.tell({ kind: "settled", waiting: one });
    for (const one of waiting) if (!known.has(keyOf(one))) this.tell({ kind: "asked", waiting: one });
  }

  private async tellOfEnd(name: string): Promise<void> {
    const run = await this.server.ask(runPath(name)).catch(() => undefined); // it was deleted in the same moment
    if (run !== undefined) this.tell({ kind: "ended", run: run as RunLine });
  }

  private tell(happening: Happening): void {
    for (const watcher of this.watchers) watcher(happening);
  }
}

/** What tells a question from all others. */
export function keyOf(waiting: Waiting): string {
  return `${waiting.run}/${waiting.question.prompt}`;
}
