import { keepsPictures } from "../run/keeping";
import { askToOpen, opensRuns } from "../run/opening";
import type { RunStore } from "../run/store";
import { CopyButton } from "./copy_button";

const STOPS_WITHIN_MS = 2_000;

/** What becomes of the page when nothing comes any more: how old it is, and what helps. */
export function Contact({ store, now }: { store: RunStore; now: number }) {
  if (store.lost) return <Lost store={store} />;
  if (store.header === null) return null;
  const since = store.silentSince(now);
  if (since === 0) return null;
  return (
    <div class="fnb-notice fnb-notice-warning" role="status">
      <span>
        No news from the {store.source}<span aria-hidden="true"> for {Math.round((now - since) / 1_000)} s</span>: it is busy, or it is gone. This is the last that
        is known, and clocks stand still; what the run has done is kept.
        {store.source === "kernel" && <> After a restart of the kernel, <Code line={`flyte_nb.show(${named(store)})`} /> shows it again, and from there it can be resumed.</>}
      </span>
    </div>
  );
}

/** The kernel is gone: how to go on without it. */
function Lost({ store }: { store: RunStore }) {
  const { interrupted = false, can_resume = false } = store.header ?? {};
  const known = store.header === null ? "The kernel went away before it told of this run. " : "The kernel that told of this run is gone; this is the last that is known. ";
  const resume = `flyte_nb.Run.get(${named(store)}).resume()`;
  return (
    <div class="fnb-notice fnb-notice-warning" role="status">
      <span>
        {interrupted ? "What it has done is kept. " : known}
        {interrupted || can_resume
          ? <>Resume in a cell of any notebook: <Code line={resume} />. The run has kept its code; run those cells first in which you changed something.</>
          : <>Run <Code line={`flyte_nb.show(${named(store)})`} /> in a cell to see it again.</>}
      </span>
      {opensRuns() && (
        <button type="button" class="fnb-button" title={`Opens the run beside the notebook${interrupted || can_resume ? ", where it can be resumed" : ""}`}
          onClick={() => askToOpen(store.name)}>Open this run</button>
      )}
    </div>
  );
}

/** A line of Python that does in a cell of a fresh kernel, also where it is typed. */
function Code({ line }: { line: string }) {
  const whole = `import flyte_nb; ${line}`;
  return <><code>{whole}</code> <CopyButton text={whole} /></>;
}

function named(store: RunStore): string {
  return JSON.stringify(store.name);
}

/** A page that was loaded while a run goes on is not told what its tasks print, which JupyterLab puts below the cell otherwise. */
export function PrintsInLogs({ store }: { store: RunStore }) {
  const { header } = store;
  const isSeenLate = header !== null && header.started_at_ms < store.timeThere(performance.timeOrigin);
  if (!isSeenLate || !store.running || !header.owned_here || store.source !== "kernel" || !keepsPictures()) return null;
  return <p class="fnb-quiet">This page was loaded after the run had begun: what tasks print from here on is in their logs, and not below the cell.</p>;
}

/** What was told to stop and has not stopped yet, and why that may take its time. */
export function Stopping({ store, now }: { store: RunStore; now: number }) {
  if (store.stopping.size === 0) return null;
  const names = [...store.stopping.keys()].map((action) => store.nodes.get(action)?.label ?? "the run");
  const late = [...store.stopping.values()].some((since) => now - since >= STOPS_WITHIN_MS);
  const unheard = late && store.silentSince(now) > 0;
  return (
    <div class="fnb-notice" role="status">
      <span>
        Stopping {names.join(", ")} ...
        {unheard && ` The ${store.source} gives no news: it stops when it hears of this.`}
        {late && !unheard && " Code that holds the event loop, as time.sleep and long computations do, stops when it lets go of it."}
      </span>
    </div>
  );
}
