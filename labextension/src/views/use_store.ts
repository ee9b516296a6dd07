import { useEffect, useReducer } from "preact/hooks";

/** What tells when it has changed. */
interface Changing {
  subscribe(listener: () => void): () => void;
}

/** Draw again when the store has changed. */
export function useStore(store: Changing): void {
  const [, again] = useReducer((revision: number) => revision + 1, 0);
  useEffect(() => {
    again(undefined as never);
    return store.subscribe(() => again(undefined as never));
  }, [store]);
}

/** The time, which moves on every second while `ticking`. */
export function useNow(ticking: boolean): number {
  const [, again] = useReducer((revision: number) => revision + 1, 0);
  useEffect(() => {
    if (!ticking) return;
    const timer = setInterval(() => again(undefined as never), 1_000);
    return () => clearInterval(timer);
  }, [ticking]);
  return Date.now();
}
