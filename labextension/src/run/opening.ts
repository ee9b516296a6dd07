const ASKS = "flyte-nb-open-run";
const CAN = "flyteNbOpensRuns";

/** Whether there is a panel on this page that opens runs. */
export function opensRuns(): boolean {
  return CAN in document.documentElement.dataset;
}

/** Has the panel open a run. */
export function askToOpen(run: string): void {
  document.dispatchEvent(new CustomEvent(ASKS, { detail: run }));
}

/** Opens the runs that are asked for on this page; gives back what ends that. */
export function openAsked(open: (run: string) => void): () => void {
  const take = (event: Event) => open(String((event as CustomEvent).detail));
  document.documentElement.dataset[CAN] = "";
  document.addEventListener(ASKS, take);
  return () => {
    delete document.documentElement.dataset[CAN];
    document.removeEventListener(ASKS, take);
  };
}
