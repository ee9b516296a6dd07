import type { RunStore } from "../run/store";

const SILENCE_MS = 6_000;
const STOPS_WITHIN_MS = 2_000;

/** Says so when nothing comes from the kernel any more, instead of showing an old state as if it were the present one. */
export function Silence({ store, now, running }: { store: RunStore; now: number; running: boolean }) {
  const since = running ? store.heardAt : store.askedAt;
  if (since === 0 || now - since < SILENCE_MS) return null;
  const { name } = store.header!;
  return (
    <div class="fnb-notice fnb-notice-warning" role="status">
      <span>
        No news from the kernel for {Math.round((now - since) / 1_000)} s: it is busy, or it is gone. This is the last that is
        known; what the run has done is kept. After a restart of the kernel, <code>flyte.show("{name}")</code> shows it again,
        and from there it can be resumed.
      </span>
    </div>
  );
}

/** What was told to stop and has not stopped yet, and why that may take its time. */
export function Stopping({ store, now }: { store: RunStore; now: number }) {
  if (store.stopping.size === 0) return null;
  const names = [...store.stopping.keys()].map((action) => store.nodes.get(action)?.label ?? "the run");
  const late = [...store.stopping.values()].some((since) => now - since >= STOPS_WITHIN_MS);
  return (
    <div class="fnb-notice" role="status">
      <span>
        Stopping {names.join(", ")} ...
        {late && " Code that holds the event loop, as time.sleep and long computations do, stops when it lets go of it."}
      </span>
    </div>
  );
}
