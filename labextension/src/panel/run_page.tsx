import { useEffect, useRef, useState } from "preact/hooks";
import type { RunStore } from "../run/store";
import { ROW_HEIGHT } from "../views/run_tree";
import { RunView } from "../views/run_view";

const AROUND_THE_TREE = 230;
const ROWS_AT_LEAST = 8;

/** A run that has a page for itself: its tree takes the height that there is. */
export function RunPage({ store }: { store: RunStore }) {
  const box = useRef<HTMLDivElement>(null);
  const [rows, setRows] = useState(16);
  useEffect(() => {
    const element = box.current!;
    const measure = () => setRows(Math.max(ROWS_AT_LEAST, Math.floor((element.clientHeight - AROUND_THE_TREE) / ROW_HEIGHT)));
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return <div class="fnb-run-page" ref={box}><RunView store={store} rowsAtMost={rows} /></div>;
}
