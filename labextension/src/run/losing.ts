import type { RunStore } from "./store";

const TELLS = "flyte-nb-lost-run";

/** A picture whose kernel is gone, until it is shown no more. Both sides of the page have a code of their own, and share this. */
export interface LostRun {
  readonly store: RunStore;
  /** What whoever goes on with it wants to hear when it is shown no more. */
  left: () => void;
}

/** Tells whoever knows of runs on this page that a picture has lost its kernel; gives back what ends that. */
export function tellOfLost(store: RunStore): () => void {
  const lost: LostRun = { store, left: () => undefined };
  document.dispatchEvent(new CustomEvent(TELLS, { detail: lost }));
  return () => lost.left();
}

/** Hears of pictures that lose their kernel; gives back what ends that. */
export function hearOfLost(take: (lost: LostRun) => void): () => void {
  const heard = (event: Event) => take((event as CustomEvent<LostRun>).detail);
  document.addEventListener(TELLS, heard);
  return () => document.removeEventListener(TELLS, heard);
}
