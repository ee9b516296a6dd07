import { RunConnection, type Beginnings } from "../panel/run_connection";
import type { RunsStore } from "../panel/runs_store";
import { runPath, type Server } from "../panel/server";
import { hasEnded } from "../panel/state_of";
import type { RunLine } from "../panel/wire";
import { hearOfLost, type LostRun } from "../run/losing";
import { isTerminal } from "../run/phases";
import type { RunStore } from "../run/store";
import type { Header } from "../run/wire";

const LOOK_EVERY_MS = 1_000;

/** Has pictures whose kernel is gone follow their runs where these go on: in another kernel, or a process of their own. */
export function followLostRuns(runs: RunsStore, server: Server, beginningsOf: (run: string) => Beginnings): () => void {
  const lost = new LostRuns(runs, server, beginningsOf);
  const unheard = hearOfLost((one) => lost.take(one));
  const unsubscribe = runs.subscribe(() => lost.lookAgain());
  return () => {
    unsubscribe();
    unheard();
    lost.close();
  };
}

class LostRuns {
  /** Pictures that wait for their run to go on. */
  private readonly waiting = new Set<LostRun>();
  /** What tells the others how their run goes on. */
  private readonly connections = new Set<RunConnection>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly runs: RunsStore, private readonly server: Server, private readonly beginningsOf: (run: string) => Beginnings) {}

  take(one: LostRun): void {
    if (one.store.source === "server") { // it was followed before, and is shown again
      this.follow(one);
    } else if (mayGoOn(one.store)) {
      this.waiting.add(one);
      one.left = () => { this.waiting.delete(one); };
      this.lookAgain();
    }
  }

  /** Something has changed somewhere: questions have their answers, and a moment later it is seen which runs go on. */
  lookAgain(): void {
    if (this.waiting.size === 0) return;
    if (this.runs.read) for (const { store } of this.waiting) store.tellOpenQuestions(this.questionsOf(store.name));
    this.timer ??= setTimeout(() => void this.look(), LOOK_EVERY_MS);
  }

  close(): void {
    clearTimeout(this.timer);
    for (const connection of this.connections) connection.close();
  }

  private async look(): Promise<void> {
    this.timer = undefined; // what changes from here on is looked at once more
    for (const one of [...this.waiting]) {
      const { name, header } = one.store;
      const line = this.runs.running.find((line) => line.name === name) ?? (await this.askFor(name));
      if (line !== undefined && header !== null && this.waiting.has(one) && hasGoneOn(line, header)) this.follow(one);
    }
  }

  private follow(one: LostRun): void {
    this.waiting.delete(one);
    const connection = new RunConnection(this.server, one.store.name, this.beginningsOf(one.store.name), (post) => {
      one.store.goOn(post);
      return one.store;
    });
    this.connections.add(connection);
    one.left = () => {
      connection.close();
      this.connections.delete(connection);
    };
  }

  private askFor(run: string): Promise<RunLine | undefined> {
    return this.server.ask(runPath(run)).then((found) => found as RunLine, () => undefined);
  }

  private questionsOf(run: string): ReadonlySet<string> {
    return new Set(this.runs.waiting.filter((one) => one.run === run).map(({ question }) => question.prompt));
  }
}

function mayGoOn({ running, header }: RunStore): boolean {
  return running || header?.can_resume === true || header?.interrupted === true;
}

/** Whether more may be known of a run than that. One that still counts as going on, although its kernel is gone, may be about to be missed. */
function hasGoneOn(line: RunLine, known: Header): boolean {
  if (Math.abs(line.created_at * 1_000 - known.started_at_ms) > 1) return false; // of another home
  if (!isTerminal(known.phase)) return true; // the kernel that is gone only showed it
  if (!hasEnded(line)) return !known.interrupted || line.paused_s * 1_000 > known.pauses.reduce((sum, pause) => sum + pause[1]!, 0) + 1;
  return !line.interrupted && (known.interrupted || Math.abs((line.ended_at ?? 0) * 1_000 - known.ended_at_ms) > 1);
}
