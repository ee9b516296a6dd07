import type { RunStore } from "../run/store";

/** Stands where something will be that was asked for. */
export function Reading({ store }: { store: RunStore }) {
  if (store.lost) return <p class="fnb-quiet">This was not read before the kernel went away.</p>;
  return <p class="fnb-quiet fnb-reading" role="status">Reading ...</p>;
}
