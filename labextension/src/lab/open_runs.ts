import { openAsked } from "../run/opening";

const SHOWS = /^flyte\.show\("([\w. -]+)"\)$/;

/** Opens runs that pictures on this page ask for, live ones and those that stay in a notebook. */
export function openRuns(open: (run: string) => void): () => void {
  const click = (event: MouseEvent) => {
    const line = event.target instanceof Element ? event.target.closest(".fnb-open") : null;
    const run = SHOWS.exec(line?.textContent ?? "")?.[1];
    if (run !== undefined) open(run);
  };
  const unasked = openAsked(open);
  document.addEventListener("click", click);
  return () => {
    unasked();
    document.removeEventListener("click", click);
  };
}
