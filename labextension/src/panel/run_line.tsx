import { duration } from "../run/format";
import { Name } from "../views/name";
import type { Doors } from "./doors";
import { RunActions } from "./run_actions";
import type { RunsStore } from "./runs_store";
import { environmentOf, hasEnded, shortSource, shortTask, stateOf } from "./state_of";
import type { RunLine } from "./wire";

export interface LineProps {
  run: RunLine;
  store: RunsStore;
  doors: Doors;
  now: number;
  /** Whether the keyboard reaches what can be done with it. */
  active: boolean;
}

/** A run on two lines: what and how, then its name and where it came from. */
export function RunLineText({ run, store, doors, now, active }: LineProps) {
  const { sign, word, name } = stateOf(run, store.asks(run.name));
  const end = hasEnded(run) ? (run.ended_at ?? run.created_at) * 1_000 : now;
  const started = new Date(run.created_at * 1_000);
  return (
    <>
      <span class={`fnb-sign fnb-${name}`} role="img" aria-label={word} title={word}>{sign}</span>
      <span class="fnb-line-text">
        <span class="fnb-line-first">
          <TaskName task={run.task} />
          <span class="fnb-space" />
          {run.can_resume && (
            <button type="button" class="fnb-mark fnb-clickable" tabIndex={active ? 0 : -1}
              onClick={(event) => { event.stopPropagation(); void doors.resume(run.name); }}>Resume</button>
          )}
          {!run.interrupted && <span class="fnb-quiet fnb-elapsed">{duration(end - (run.created_at + run.paused_s) * 1_000)}</span>}
        </span>
        <span class="fnb-line-second fnb-quiet">
          {run.interrupted && <span class="fnb-gives-way fnb-aborted"><span>interrupted</span></span>}
          <RunName run={run.name} source={run.source} />
          <time dateTime={started.toISOString()} title={started.toLocaleString()}>
            {started.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}
          </time>
        </span>
      </span>
      <RunActions run={run} store={store} doors={doors} tabIndex={active ? 0 : -1} />
    </>
  );
}

/** A task with its environment, which gives way first where it is narrow. */
export function TaskName({ task }: { task: string }) {
  const environment = environmentOf(task);
  return (
    <span class="fnb-task-name" title={task}>
      {environment !== "" && <GivesWay text={environment} />}
      <Name text={shortTask(task)} />
    </span>
  );
}

/** The name of a run, and which notebook or file it came from, which gives way first where it is narrow. */
export function RunName({ run, source }: { run: string; source: string }) {
  return (
    <>
      <code title={run}><Name text={run} /></code>
      {source !== "" && <GivesWay text={shortSource(source)} title={source} />}
    </>
  );
}

function GivesWay({ text, title }: { text: string; title?: string }) {
  const size = text.length < 4 ? "fnb-few-letters" : undefined; // with dots they were no shorter
  return <span class="fnb-gives-way fnb-quiet" title={title}><span class={size}>{text}</span></span>;
}
