import { PromptForm } from "../views/prompt_form";
import { useNow, useStore } from "../views/use_store";
import { isChoosing, takesRunning } from "./choice";
import { Chooser } from "./chooser";
import type { Doors } from "./doors";
import { RunLineText, RunName, TaskName } from "./run_line";
import { RunList } from "./run_list";
import type { RunsStore } from "./runs_store";

const RUNNING_AT_MOST = 5;
const FIRST_RUN = `import flyte_nb as flyte

env = flyte.TaskEnvironment("first")

@env.task
async def hello(name: str) -> str:
    return f"Hello, {name}"

flyte.run(hello, name="you")`;

/** Runs of all kernels: questions that wait, what goes on, and all there were. */
export function Panel({ store, doors }: { store: RunsStore; doors: Doors }) {
  useStore(store);
  const now = useNow(store.running.length > 0);
  const { waiting } = store;
  const running = takesRunning(store.choice) ? [] : store.running;
  return (
    <div class="fnb fnb-panel" role="region" aria-label="Runs of flyte_nb" data-lm-suppress-shortcuts="true">
      <Chooser store={store} />
      {store.connected === false && (
        <div class="fnb-notice fnb-notice-warning" role="status"><span>The server cannot be reached. Trying again; what is shown may be old.</span></div>
      )}
      {store.trouble !== "" && <div class="fnb-notice fnb-notice-error" role="alert"><span>{store.trouble}</span></div>}
      {store.notices.map((notice) => (
        <div class={`fnb-notice fnb-notice-${notice.level}`} role="alert" key={notice}>
          <span>{notice.text}</span>
          <button type="button" class="fnb-button fnb-plain" aria-label="Dismiss" onClick={() => store.dismiss(notice)}>✕</button>
        </div>
      ))}
      {waiting.length > 0 && (
        <section class="fnb-section fnb-inbox" aria-label="Questions">
          <h2>Waiting for you <span class="fnb-badge">{waiting.length}</span></h2>
          {waiting.map((one) => (
            <div key={`${one.run}/${one.question.prompt}`} class="fnb-asking">
              <PromptForm store={store.answering(one.run)} prompt={one.question} canResume />
              <button type="button" class="fnb-link fnb-line-second" onClick={() => doors.openRun(one.run)}>
                <TaskName task={one.task} /> <RunName run={one.run} source={one.source} />
              </button>
            </div>
          ))}
        </section>
      )}
      {running.length > 0 && (
        <section class="fnb-section" aria-label="Running now">
          <h2>Running now <span class="fnb-quiet">{running.length.toLocaleString("en")}</span></h2>
          {running.slice(0, RUNNING_AT_MOST).map((run) => (
            <div key={run.name} class="fnb-line fnb-line-still">
              <button type="button" class="fnb-cover" aria-label={`Open ${run.name}`} onClick={() => doors.openRun(run.name)} />
              <RunLineText run={run} store={store} doors={doors} now={now} active />
            </div>
          ))}
          {running.length > RUNNING_AT_MOST && (
            <button type="button" class="fnb-link" onClick={() => store.choose({ ...store.choice, groups: ["running", "waiting"] })}>
              All {running.length.toLocaleString("en")} of them
            </button>
          )}
        </section>
      )}
      <section class="fnb-section fnb-all" aria-label="Runs by day">
        {!store.read || store.total > 0 ? <RunList store={store} doors={doors} now={now} /> : running.length === 0 && <Nothing choosing={isChoosing(store.choice)} />}
        {!store.read && <p class="fnb-quiet">{store.connected === false || store.trouble !== "" ? "" : "Reading …"}</p>}
      </section>
    </div>
  );
}

function Nothing({ choosing }: { choosing: boolean }) {
  if (choosing) return <p class="fnb-quiet fnb-empty">No run fits. <em>Show all</em> takes the search and the filters away.</p>;
  return (
    <div class="fnb-empty">
      <p>No runs yet. Run a task in a notebook, and it appears here while it happens:</p>
      <pre tabIndex={0} aria-label="Example">{FIRST_RUN}</pre>
    </div>
  );
}
