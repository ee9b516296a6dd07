import type { RunsStore } from "../panel/runs_store";
import { runPath, type Server } from "../panel/server";
import { hasEnded, stateOf } from "../panel/state_of";
import type { RunLine } from "../panel/wire";
import { runShownBy } from "./open_runs";

const LOOK_AFTER_MS = 500;
const TOLD = "fnb-since";

/**
 * Says beside a picture that was saved while its run went on what has become of the run since.
 *
 * The notebook keeps what was saved in it: this is said on the page alone.
 */
export function tellOfSavedPictures(store: RunsStore, server: Server): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const asked = new WeakSet<Element>();
  const look = () => {
    timer = undefined;
    if (!store.read) return;
    for (const saved of document.querySelectorAll<HTMLElement>(".fnb-as-of")) {
      const run = runIn(saved);
      const isHidden = saved.offsetParent === null; // below a live one
      if (run === undefined || isHidden || asked.has(saved) || store.running.some(({ name }) => name === run)) continue;
      asked.add(saved);
      void tell(saved, run);
    }
  };
  const tell = async (saved: HTMLElement, run: string) => {
    const found = await server.ask(runPath(run)).then((line) => line as RunLine, () => undefined); // it may be of another home
    if (found === undefined || !hasEnded(found)) return;
    const told = document.createElement("b");
    told.className = TOLD;
    told.textContent = `; it has ended since: ${stateOf(found).word}`;
    saved.after(told);
  };
  const lookSoon = () => { timer ??= setTimeout(look, LOOK_AFTER_MS); };
  const observer = new MutationObserver(lookSoon);
  observer.observe(document.body, { childList: true, subtree: true });
  const unsubscribe = store.subscribe(lookSoon);
  return () => {
    clearTimeout(timer);
    observer.disconnect();
    unsubscribe();
  };
}

/** The run of the picture that an element is a part of. */
function runIn(part: Element): string | undefined {
  for (let around = part.parentElement; around !== null; around = around.parentElement) {
    const line = around.querySelector(".fnb-open");
    if (line !== null) return runShownBy(line);
  }
  return undefined;
}
