import { INTERRUPTED, isTerminal, look, PHASES } from "../run/phases";
import type { Filter } from "../run/filter";
import type { RunStore } from "../run/store";
import { elapsed } from "./elapsed";

/** State, times, progress, counts by phase, and what can be done with the run. */
export function RunHeader(props: { store: RunStore; now: number; silent: boolean; filter: Filter; onFilter: (filter: Filter) => void }) {
  const { store, now } = props;
  const header = store.header!;
  const ended = isTerminal(header.phase);
  const { sign, word, name } = header.interrupted ? INTERRUPTED : look(header.phase);
  return (
    <div class="fnb-header">
      <div class="fnb-title">
        <span class={`fnb-state fnb-${name}`}>
          <span aria-hidden="true">{sign}</span> {word}{store.lost && header.interrupted && ": its kernel is gone"}{props.silent && ", when last heard"}
        </span>
        <strong class="fnb-task">{header.task}</strong>
        <code class="fnb-name">{header.name}</code>
        {header.rerun_of !== "" && (
          <span class="fnb-quiet" title={`A variable that had ${header.rerun_of} has it still: flyte_nb.Run.get("${header.name}") is this run.`}>
            rerun of {header.rerun_of}
          </span>
        )}
        <span class="fnb-quiet fnb-elapsed">{header.catching_up ? "reading ..." : elapsed(store.nodes.get(store.root), store, now)}</span>
        {header.resumes > 0 && (
          <span class="fnb-quiet" title={`${header.resumes === 1 ? "Resumed" : "Last resumed"} by ${header.resumed_by}`}>
            resumed {header.resumes}×
          </span>
        )}
        <span class="fnb-space" />
        <span class="fnb-buttons">
          {!ended && !header.catching_up && !store.lost && (
            <button type="button" class="fnb-button fnb-danger" disabled={store.stopping.has("")} onClick={() => store.abort("")}>
              Abort
            </button>
          )}
          {header.can_resume && !store.lost && (
            <button type="button" class="fnb-button fnb-primary" disabled={store.beginning !== ""} onClick={() => store.begin("resume")}>
              {store.beginning === "resume" ? "Resume asked for" : "Resume"}
            </button>
          )}
          {ended && !store.lost && (
            <button type="button" class="fnb-button" disabled={store.beginning !== ""} onClick={() => store.begin("rerun")}>
              {store.beginning === "rerun" ? "Rerun asked for" : "Rerun"}
            </button>
          )}
        </span>
      </div>
      <Progress counts={header.counts} />
      <Counts counts={header.counts} filter={props.filter} onFilter={props.onFilter} />
      {header.error !== "" && <div class="fnb-error-line">{header.error}</div>}
      {header.reruns.length > 0 && (
        <details class="fnb-reruns">
          <summary>{header.reruns.length} ran again since the last try</summary>
          <ul>
            {header.reruns.map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function Progress({ counts }: { counts: number[] }) {
  const total = counts.reduce((sum, one) => sum + one, 0);
  const done = counts.reduce((sum, one, phase) => (isTerminal(phase) ? sum + one : sum), 0);
  const label = `${done.toLocaleString("en")} of ${total.toLocaleString("en")} actions have ended`;
  return (
    <div class="fnb-progress" role="progressbar" aria-label={label} title={label} aria-valuemin={0}
      aria-valuemax={Math.max(1, total)} aria-valuenow={done}>
      {counts.map((count, phase) =>
        count > 0 && isTerminal(phase) ? (
          <span key={phase} class={`fnb-bar fnb-${look(phase).name}`} style={{ width: `${(100 * count) / total}%` }} />
        ) : null,
      )}
    </div>
  );
}

function Counts(props: { counts: number[]; filter: Filter; onFilter: (filter: Filter) => void }) {
  const { counts, filter } = props;
  const toggle = (phase: number) => {
    const phases = new Set(filter.phases);
    if (!phases.delete(phase)) phases.add(phase);
    props.onFilter({ ...filter, phases });
  };
  return (
    <div class="fnb-counts" role="group" aria-label="Show only some phases">
      {PHASES.map(({ sign, word, name }, phase) => {
        const number = counts[phase] ?? 0;
        if (number === 0 && !filter.phases.has(phase)) return null;
        return (
          <button type="button" key={phase} class="fnb-chip" aria-pressed={filter.phases.has(phase)}
            onClick={() => toggle(phase)}>
            <span class={`fnb-sign fnb-${name}`} aria-hidden="true">{sign}</span>
            {number.toLocaleString("en")} {word}
          </button>
        );
      })}
    </div>
  );
}
