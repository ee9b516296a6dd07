import { RunConnection, type Beginnings } from "../panel/run_connection";
import type { RunsStore } from "../panel/runs_store";
import { runPath, type Server } from "../panel/server";
import { hasEnded } from "../panel/state_of";
import type { RunLine } from "../panel/wire";
import { hearOfLost, type LostRun } from "../run/losing";
import { isTerminal } from "../run/phases";
import type { Header } from "../run/wire";

const LOOK_EVERY_MS = 1_000;

/** Has pictures whose kernel is gone follow their runs where these go on: in another kernel, or a process of their own. */
export function followLostRuns(store: RunsStore, server: Server, beginningsOf: (run: string) => Beginnings): () => void {
  const lost = new Set<LostRun>();
  const followed = new Set<RunConnection>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  const look = async () => {
    timer = undefined; // what changes from here on is looked at once more
    for (const one of [...lost]) {
      const { name, header } = one.store;
      const line = store.running.find((line) => line.name === name) ?? (await server.ask(runPath(name)).then((found) => found as RunLine, () => undefined));
      if (line !== undefined && header !== null && lost.has(one) && hasGoneOn(line, header)) follow(one);
    }
  };
  const lookSoon = () => { if (lost.size > 0) timer ??= setTimeout(() => void look(), LOOK_EVERY_MS); };
  const follow = (one: LostRun) => {
    lost.delete(one);
    const connection = new RunConnection(server, one.store.name, beginningsOf(one.store.name), (post) => {
      one.store.goOn(post);
      return one.store;
    });
    followed.add(connection);
    one.left = () => {
      connection.close();
      followed.delete(connection);
    };
  };
  const unheard = hearOfLost((one) => {
    if (one.store.source === "server") { // it was followed before, and is shown again
      follow(one);
      return;
    }
    const { header, running } = one.store;
    if (!running && !header?.can_resume && !header?.interrupted) return;
    lost.add(one);
    one.left = () => { lost.delete(one); };
    lookSoon();
  });
  const unsubscribe = store.subscribe(lookSoon);
  return () => {
    clearTimeout(timer);
    unsubscribe();
    unheard();
    for (const connection of followed) connection.close();
  };
}

/** Whether more may be known of a run than that. One that still counts as going on, although its kernel is gone, may be about to be missed. */
function hasGoneOn(line: RunLine, known: Header): boolean {
  if (Math.abs(line.created_at * 1_000 - known.started_at_ms) > 1) return false; // of another home
  if (!isTerminal(known.phase)) return true; // the kernel that is gone only showed it
  if (!hasEnded(line)) return !known.interrupted || line.paused_s * 1_000 > known.pauses.reduce((sum, pause) => sum + pause[1]!, 0) + 1;
  return !line.interrupted && (known.interrupted || Math.abs((line.ended_at ?? 0) * 1_000 - known.ended_at_ms) > 1);
}
