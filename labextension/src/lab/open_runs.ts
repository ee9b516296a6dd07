import { openAsked } from "../run/opening";

const SHOWS = /^flyte\.show\("([^"\\]+)"\)$/;

/** The run that a picture says how to show; undefined for any other text. */
export function runShownBy(line: Element | null): string | undefined {
  return SHOWS.exec(line?.textContent ?? "")?.[1];
}

/** Opens runs that pictures on this page ask for, live ones and those that stay in a notebook. */
export function openRuns(open: (run: string) => void): () => void {
  const click = (event: MouseEvent) => {
    const run = event.target instanceof Element ? runShownBy(event.target.closest(".fnb-open")) : undefined;
    if (run !== undefined) open(run);
  };
  const unasked = openAsked(open);
  document.addEventListener("click", click);
  return () => {
    unasked();
    document.removeEventListener("click", click);
  };
}
