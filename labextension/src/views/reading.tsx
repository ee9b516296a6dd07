import type { RunStore } from "../run/store";
import { useNow } from "./use_store";

const SLOW_MS = 2_000;

/** Stands where something will be that was asked for. */
export function Reading({ store }: { store: RunStore }) {
  const now = useNow(true);
  if (store.lost) return <p class="fnb-quiet">This was not read before the kernel went away.</p>;
  const slow = store.askedAt > 0 && now - store.askedAt >= SLOW_MS;
  return <p class="fnb-quiet fnb-reading" role="status">Reading ...{slow && ` The ${store.source} is busy and has not answered yet.`}</p>;
}
