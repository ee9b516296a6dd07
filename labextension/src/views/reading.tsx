import { count } from "../run/format";
import type { RunStore } from "../run/store";
import { useNow } from "./use_store";

const SLOW_MS = 2_000;

/** Stands where something will be that was asked for. */
export function Reading({ store, what = "" }: { store: RunStore; what?: string }) {
  const now = useNow(true);
  if (store.lost) return <p class="fnb-quiet">This was not read before the kernel went away.</p>;
  const slow = store.askedAt > 0 && now - store.askedAt >= SLOW_MS;
  return <p class="fnb-quiet fnb-reading" role="status">Reading {what}...{slow && ` The ${store.source} is busy and has not answered yet.`}</p>;
}

/** Stands in the tree for rows that the page does not have. */
export function Unread({ store, rows }: { store: RunStore; rows: number }) {
  if (!store.lost) return <span class="fnb-quiet fnb-unread-rows fnb-reading">Reading {count(rows, "row")} ...</span>;
  const text = `${count(rows, "row was", "rows were")} not read before the kernel went away: ${remedy(store)}`;
  return <span class="fnb-unread-rows fnb-quiet" title={text}>{text}</span>;
}

/** What helps against what was not read, in a few words. */
export function remedy(store: RunStore): string {
  return `flyte_nb.show(${JSON.stringify(store.name)}) in a cell shows all.`;
}
