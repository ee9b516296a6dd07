import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { ReportFrame } from "../report/report_frame";
import { momentOf } from "../run/clock";
import { actionAddress, clock, duration } from "../run/format";
import type { Pane, Selection } from "../run/selection";
import type { RunStore } from "../run/store";
import type { Attempt, Details, Failure, Frame, LinkButton, Prompt, Variable } from "../run/wire";
import { CopyButton } from "./copy_button";
import { PhaseSign } from "./phase_sign";
import { Question } from "./prompt_form";
import { Reading } from "./reading";

/** All about the selected action; `asked` are questions that are shown already. */
export function ActionDetails(props: { store: RunStore; pane: Pane; asked: readonly Prompt[]; onPane: (pane: Pane) => void; onClose: () => void }) {
  const { store } = props;
  const selection = store.reader.selection!;
  const { details } = selection;
  const node = store.nodes.get(selection.action);
  const hasReport = details !== null && details.tabs.length > 0;
  const pane = props.pane === "report" && !hasReport ? "overview" : props.pane;
  const panes: [Pane, string][] = [["overview", "Overview"], ["logs", "Logs"]];
  if (hasReport) panes.push(["report", "Report"]);
  return (
    <section class="fnb-details" aria-label={`Action ${details?.task ?? ""}`}>
      <div class="fnb-details-head">
        {node !== undefined && <PhaseSign phase={node.phase} />}
        <strong>{node?.label ?? details?.task}</strong>
        <span class="fnb-space" />
        {details?.can_abort && !store.lost && (
          <button type="button" class="fnb-button fnb-danger" disabled={store.stopping.has(selection.action)}
            onClick={() => store.abort(selection.action)}>Abort</button>
        )}
        <button type="button" class="fnb-button fnb-plain" aria-label="Close the details" onClick={props.onClose}>✕</button>
      </div>
      <div class="fnb-tabs" role="group" aria-label="Parts of the details">
        {panes.map(([id, label]) => (
          <button type="button" key={id} class="fnb-tab" aria-pressed={pane === id} onClick={() => props.onPane(id)}>
            {label}
          </button>
        ))}
      </div>
      {details === null ? (
        <Reading store={store} />
      ) : pane === "logs" ? (
        <LogText store={store} selection={selection} />
      ) : pane === "report" ? (
        <Report store={store} selection={selection} tabs={details.tabs} />
      ) : (
        <Overview store={store} details={details} asked={props.asked} />
      )}
    </section>
  );
}

function Overview({ store, details, asked }: { store: RunStore; details: Details; asked: readonly Prompt[] }) {
  const prompts = [...store.prompts.values()].filter((prompt) => prompt.action === details.action && !asked.includes(prompt));
  return (
    <div class="fnb-overview">
      <Facts store={store} details={details} />
      {details.failure !== null && details.failure !== undefined && <FailureBox failure={details.failure} />}
      {prompts.map((prompt) => <Question key={prompt.prompt} store={store} prompt={prompt} />)}
      {details.links.length > 0 && <Links links={details.links} />}
      <Variables title="Inputs" variables={details.inputs} />
      <Variables title="Outputs" variables={details.outputs} />
      <Variables title="Custom context" variables={details.context} />
      {details.attempts.length > 1 && <Attempts attempts={details.attempts} />}
      {details.notes.length > 0 && (
        <ul class="fnb-notes">
          {details.notes.map((note) => <li key={note}>{note}</li>)}
        </ul>
      )}
    </div>
  );
}

/** What it is, where it ran, and when. */
function Facts({ store, details }: { store: RunStore; details: Details }) {
  const node = store.nodes.get(details.action);
  const last = details.attempts[details.attempts.length - 1];
  const startMs = node?.startMs ?? last?.start_ms ?? -1;
  const endMs = node?.endMs ?? last?.end_ms ?? -1;
  return (
    <table class="fnb-variables fnb-facts">
      <tbody>
        <tr><th scope="row">Task</th><td><code>{details.task}</code>{details.placement !== "" && `, ${details.placement}`}</td></tr>
        <tr><th scope="row">Action</th><td><code>{details.action}</code></td></tr>
        {startMs >= 0 && (
          <tr>
            <th scope="row">Time</th>
            <td>from {clock(momentOf(store.header!, startMs))}{endMs >= 0 && `, took ${duration(endMs - startMs)}`}</td>
          </tr>
        )}
      </tbody>
    </table>
  );
}

function Variables({ title, variables }: { title: string; variables: Variable[] }) {
  if (variables.length === 0) return null;
  return (
    <table class="fnb-variables">
      <caption>{title}</caption>
      <tbody>
        {variables.map(({ name, text, truncated, frame }, index) => (
          <tr key={index}>
            <th scope="row"><span>{name}</span></th>
            <td>
              {frame !== null && frame !== undefined
                ? <FrameTable name={name} frame={frame} />
                : <code>{text}{truncated && " ..."}</code>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The first rows of a data frame under its columns with their types. */
function FrameTable({ name, frame }: { name: string; frame: Frame }) {
  const side = frame.columns.map(([, kind]) => (/^(u?int|float|double|decimal)/.test(kind ?? "") ? "fnb-number" : undefined));
  return (
    <div class="fnb-frame" tabIndex={0} role="region" aria-label={`First rows of ${name}`}>
      <table>
        <caption>{frame.shape}</caption>
        <thead>
          <tr>
            {frame.columns.map(([column, kind], index) => (
              <th key={column} scope="col" class={side[index]}>{column}<span class="fnb-quiet"> {kind}</span></th>
            ))}
          </tr>
        </thead>
        <tbody>
          {frame.rows.map((row, index) => (
            <tr key={index}>{row.map((cell, column) => <td key={column} class={side[column]}>{cell}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function FailureBox({ failure }: { failure: Failure }) {
  return (
    <div class="fnb-failure">
      <div class="fnb-failure-head">
        <span><strong class="fnb-failed">{failure.code}</strong>: {failure.message}</span>
        <CopyButton text={failure.traceback || `${failure.code}: ${failure.message}`} />
      </div>
      {failure.traceback !== "" && <pre class="fnb-traceback" tabIndex={0}>{failure.traceback}</pre>}
    </div>
  );
}

function Links({ links }: { links: LinkButton[] }) {
  return (
    <div class="fnb-links">
      {links.map(({ name, address, problem }) => {
        const safe = actionAddress(address);
        return safe !== null ? (
          <a key={name} class="fnb-button" href={safe} target="_blank" rel="noopener noreferrer">{name} ↗</a>
        ) : (
          <span key={name} class="fnb-problem" title={problem}>{name}: {problem || "not a web address"}</span>
        );
      })}
    </div>
  );
}

function Attempts({ attempts }: { attempts: Attempt[] }) {
  return (
    <table class="fnb-variables">
      <caption>Attempts</caption>
      <tbody>
        {attempts.map(({ number, start_ms, end_ms, failure }) => (
          <tr key={number}>
            <th scope="row">{number}</th>
            <td>
              {end_ms >= 0 && `${duration(end_ms - start_ms)} `}
              {failure !== null && failure !== undefined && `${failure.code}: ${failure.message}`}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function LogText({ store, selection }: { store: RunStore; selection: Selection }) {
  const box = useRef<HTMLPreElement>(null);
  const atEnd = useRef(true);
  const shown = useRef({ action: "", first: 0, height: 0 });
  const { action, pieces, logUpTo } = selection;
  const first = pieces[0]?.[3] ?? 0;
  useLayoutEffect(() => {
    if (box.current === null) return;
    const { scrollHeight } = box.current;
    if (atEnd.current) box.current.scrollTop = scrollHeight;
    else if (shown.current.action === action && first < shown.current.first)
      box.current.scrollTop += scrollHeight - shown.current.height; // what was read stays where it is
    shown.current = { action, first, height: scrollHeight };
  }, [action, first, logUpTo]);
  if (pieces.length === 0) return <p class="fnb-quiet">Nothing was printed or logged here.</p>;
  return (
    <>
      {selection.cut && (
        <p class="fnb-quiet">
          These are the last lines.{" "}
          <button type="button" class="fnb-button" onClick={() => { atEnd.current = false; store.reader.askEarlierLogs(); }}>
            Show earlier
          </button>{" "}
          All of them: run.show_logs("{action}")
        </p>
      )}
      <pre class="fnb-log" ref={box} tabIndex={0} aria-label="Log"
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
          atEnd.current = scrollTop + clientHeight >= scrollHeight - 4;
        }}>
        {pieces.map(([atMs, stream, text, number]) => (
          <span key={number} class={`fnb-piece fnb-stream-${/^\w+$/.test(stream) ? stream.toLowerCase() : "other"}`}
            title={`${clock(atMs)} ${stream}`}>
            {text.endsWith("\n") ? text : `${text}\n`}
          </span>
        ))}
      </pre>
    </>
  );
}

function Report({ store, selection, tabs }: { store: RunStore; selection: Selection; tabs: string[] }) {
  const [chosen, choose] = useState("");
  const current = tabs.includes(chosen) ? chosen : tabs[0]!;
  const tab = selection.report.get(current);
  return (
    <div>
      {tabs.length > 1 && (
        <div class="fnb-tabs" role="group" aria-label="Tabs of the report">
          {tabs.map((name) => (
            <button type="button" key={name} class="fnb-tab" aria-pressed={name === current} onClick={() => choose(name)}>
              {name}
            </button>
          ))}
        </div>
      )}
      {tab === undefined ? (
        <Reading store={store} />
      ) : (
        <ReportFrame key={`${selection.action}/${current}`} tab={tab} name={current} revision={tab.chunks.length}
          onLook={() => store.reader.look()} />
      )}
    </div>
  );
}
