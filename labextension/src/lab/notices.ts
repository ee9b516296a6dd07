import type { JupyterFrontEnd } from "@jupyterlab/application";
import { Notification } from "@jupyterlab/apputils";
import { keyOf, type Happening } from "../panel/happenings";
import { Pile, type Board, type Kind } from "../panel/pile";
import type { RunsStore } from "../panel/runs_store";
import { stateOf } from "../panel/state_of";
import { count } from "../run/format";
import type { Widget } from "@lumino/widgets";

const CALM_MS = 6_000;
const BOARD: Board = {
  emit: (text, kind, autoClose, show) => Notification.emit(text, kind, { autoClose, actions: [{ label: "Show", callback: show }] }),
  update: (id, message) => Notification.update({ id, message }),
  dismiss: (id) => { Notification.dismiss(id); },
};

/** Tells of runs that ended and of questions, unless their notebook, or the run itself, is what the person looks at. */
export function tellOf(
  store: RunsStore, app: JupyterFrontEnd, wanted: () => boolean, open: (run: string) => void, openList: () => void,
): () => void {
  const asked = new Set<string>();
  const questions = new Pile(BOARD, false, (left) => count(left, "question waits for an answer", "questions wait for an answer"), openList);
  const ends = new Pile(BOARD, CALM_MS, (count) => `${count} runs have ended`, openList);
  let ended = 0;
  let calm: ReturnType<typeof setTimeout> | undefined;
  const unwatch = store.watch((happening) => {
    const { name, source } = happening.kind === "ended" ? happening.run : { name: happening.waiting.run, source: happening.waiting.source };
    const key = happening.kind === "ended" ? name : keyOf(happening.waiting);
    if (happening.kind === "settled") {
      if (asked.delete(key)) questions.remove(key, asked.size);
      return;
    }
    if (!wanted() || isInView(app.shell.currentWidget, name, source)) return;
    if (happening.kind !== "ended") {
      asked.add(key);
      questions.add(key, inWords(happening), asked.size, () => open(name));
      return;
    }
    ended += 1;
    clearTimeout(calm);
    calm = setTimeout(() => { ended = 0; ends.forget(); }, CALM_MS);
    ends.add(key, inWords(happening), ended, () => open(name));
  });
  return () => {
    clearTimeout(calm);
    unwatch();
  };
}

function inWords(happening: Happening): [string, Kind] {
  if (happening.kind !== "ended") {
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
