import type { JupyterFrontEnd } from "@jupyterlab/application";
import { Notification } from "@jupyterlab/apputils";
import type { Happening } from "../panel/happenings";
import type { RunsStore } from "../panel/runs_store";
import { stateOf } from "../panel/state_of";
import type { Widget } from "@lumino/widgets";

/** Tells of runs that ended and of questions, unless their notebook, or the run itself, is what the person looks at. */
export function tellOf(store: RunsStore, app: JupyterFrontEnd, wanted: () => boolean, open: (run: string) => void): () => void {
  return store.watch((happening) => {
    const { name, source } = happening.kind === "ended" ? happening.run : { name: happening.waiting.run, source: happening.waiting.source };
    if (!wanted() || isInView(app.shell.currentWidget, name, source)) return;
    const actions = [{ label: "Show", callback: () => open(name) }];
    const [text, kind] = inWords(happening);
    Notification.emit(text, kind, { autoClose: happening.kind === "asked" ? false : 6_000, actions });
  });
}

function inWords(happening: Happening): [string, "success" | "error" | "warning" | "info"] {
  if (happening.kind === "asked") {
    const { task, run, question } = happening.waiting;
    return [`${task} (${run}) asks: ${question.name}`, "info"];
  }
  const { word, name } = stateOf(happening.run);
  const kind = name === "succeeded" || name === "recovered" ? "success" : name === "aborted" ? "warning" : "error";
  return [`${happening.run.task} (${happening.run.name}) ${word}`, kind];
}

/** Notebooks are known here by their files' names alone, as runs know them. */
function isInView(current: Widget | null, run: string, source: string): boolean {
  if (document.hidden || current === null) return false;
  const path = (current as { context?: { path?: unknown } }).context?.path;
  const file = typeof path === "string" ? path.slice(path.lastIndexOf("/") + 1) : "";
  return (file !== "" && file === source) || (current as { content?: { run?: unknown } }).content?.run === run;
}
