import { useEffect, useRef } from "preact/hooks";
import { isFiltering, NO_FILTER, type Filter } from "../run/filter";
import { count } from "../run/format";
import { questionsToShow } from "../run/questions";
import { visibleRows } from "../run/rows";
import type { Pane } from "../run/selection";
import type { RunStore } from "../run/store";
import { Flag, NodePhase } from "../run/wire";
import { ActionDetails } from "./action_details";
import { useHeightBeside } from "./beside";
import { Question } from "./prompt_form";
import { Reading, remedy } from "./reading";
import { RunHeader } from "./run_header";
import { ROW_HEIGHT, ROWS_IN_A_CELL, RunTree } from "./run_tree";
import { Timeline } from "./timeline";
import { Contact, PrintsInLogs, Stopping } from "./standing";
import { useNow, useStore } from "./use_store";

const SEARCH_AFTER_MS = 100;

/** A run: header, questions, tree or timeline, and all about the action that is selected. */
export function RunView({ store, rowsAtMost }: { store: RunStore; rowsAtMost?: number }) {
  useStore(store);
  const { running } = store;
  const { filter, view, pane, selection } = store.reader;
  const body = useRef<HTMLDivElement>(null);
  const rowsBeside = Math.floor(useHeightBeside(body, store.header !== null && selection !== null) / ROW_HEIGHT);
  const time = useNow(running || store.askedAt > 0);
  const now = store.knownUntil(time);

  const select = (action: string, to?: Pane) => {
    const pane = to ?? (hasFailed(store, action) ? "overview" : undefined);
    if (pane !== undefined) store.reader.show({ pane });
    store.reader.select(action);
  };
  const setFilter = (to: Filter) => store.reader.show({ filter: to });
  const root = store.nodes.get(store.root);
  const filtering = isFiltering(filter);
  useEffect(() => {
    if (root !== undefined && (root.flags & Flag.REPORT) !== 0 && !store.reader.hasSelected)
      select(root.id, hasFailed(store, root.id) ? "overview" : "report");
  }, [root?.flags]);
  useEffect(() => {
    if (!filtering) {
      store.endSearch();
      return;
    }
    const timer = setTimeout(() => store.search(), SEARCH_AFTER_MS);
    return () => clearTimeout(timer);
  }, [filtering, store.root]);

  const use = () => store.reader.use();
  const rows = visibleRows(store, filter);
  const questions = questionsToShow([...store.prompts.values()], store.timeThere(time), store.header?.can_resume ?? false);
  if (store.header === null) return <div class="fnb"><Unknown store={store} now={now} /></div>;
  return (
    <div class="fnb" onClickCapture={use} onKeyDownCapture={use} onInputCapture={use} data-lm-suppress-shortcuts="true" role="region" aria-label={`Run ${store.header.name}`}>
      <RunHeader store={store} now={now} silent={running && store.silentSince(time) > 0} filter={filter} onFilter={setFilter} />
      <Contact store={store} now={time} />
      <Stopping store={store} now={time} />
      <PrintsInLogs store={store} />
      <div role="status" class="fnb-notices">
        {store.notices.map((notice) => (
          <div class={`fnb-notice fnb-notice-${notice.level}`} key={notice}>
            <span>{notice.text}</span>
            <button type="button" class="fnb-button fnb-plain" aria-label="Dismiss" onClick={() => store.dismiss(notice)}>✕</button>
          </div>
        ))}
      </div>
      {questions.map((prompt) => <Question key={prompt.prompt} store={store} prompt={prompt} />)}
      <div class="fnb-toolbar">
        <div class="fnb-tabs" role="group" aria-label="How to look at the run">
          <button type="button" class="fnb-tab" aria-pressed={view === "tree"} onClick={() => store.reader.show({ view: "tree" })}>Tree</button>
          <button type="button" class="fnb-tab" aria-pressed={view === "timeline"} onClick={() => store.reader.show({ view: "timeline" })}>Timeline</button>
        </div>
        <span class="fnb-space" />
        {filtering && (
          <>
            <span class="fnb-quiet" role="status">{count(rows.filter((row) => row.matches).length, "row")} found{!store.lost && store.unread > 0 && ", reading more ..."}</span>
            <button type="button" class="fnb-button fnb-plain" onClick={() => setFilter(NO_FILTER)}>Show all</button>
          </>
        )}
        <input class="fnb-field fnb-filter" type="search" placeholder="Filter by name" aria-label="Filter by name"
          value={filter.text} onInput={(event) => setFilter({ ...filter, text: event.currentTarget.value })} />
      </div>
      {filtering && store.lost && <Unsearched store={store} />}
      <div ref={body} class={`fnb-body${selection !== null ? " fnb-split" : ""}`}>
        <div class="fnb-main">
          {view === "tree" ? (
            <RunTree store={store} rows={rows} now={now} onSelect={select} atMost={Math.max(rowsAtMost ?? ROWS_IN_A_CELL, rowsBeside)} />
          ) : (
            <Timeline store={store} now={now} onSelect={select} />
          )}
        </div>
        {selection !== null && (
          <ActionDetails store={store} pane={pane} asked={questions} onPane={(to) => store.reader.show({ pane: to })} onClose={() => select("")} />
        )}
      </div>
    </div>
  );
}

/** In the place of a run of which nothing is known yet. */
function Unknown({ store, now }: { store: RunStore; now: number }) {
  if (store.lost) return <Contact store={store} now={now} />;
  const refusal = store.notices.findLast(({ level }) => level === "error");
  if (refusal !== undefined) return <p class="fnb-notice fnb-notice-error" role="status">{refusal.text}</p>;
  return <Reading store={store} what="the run " />;
}

/** What a filter did not look at, and nobody can any more. */
function Unsearched({ store }: { store: RunStore }) {
  const { unread } = store;
  if (unread === 0) return null;
  return <p class="fnb-quiet" role="status">{count(unread, "action was", "actions were")} not read before the kernel went away, and not looked at: {remedy(store)}</p>;
}

function hasFailed(store: RunStore, action: string): boolean {
  const phase = store.nodes.get(action)?.phase;
  return phase === NodePhase.FAILED || phase === NodePhase.TIMED_OUT;
}
