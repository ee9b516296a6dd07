import type { RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";

/** How high the second child of an element is, if it stands beside the first; 0 where there is none, or it stands below. */
export function useHeightBeside(around: RefObject<HTMLElement>, isThere: boolean): number {
  const [height, setHeight] = useState(0);
  useLayoutEffect(() => {
    const [first, second] = (around.current?.children ?? []) as unknown as HTMLElement[];
    if (!isThere || first === undefined || second === undefined || typeof ResizeObserver === "undefined") {
      setHeight(0);
      return;
    }
    const observer = new ResizeObserver(() => setHeight(second.offsetTop === first.offsetTop ? second.offsetHeight : 0));
    observer.observe(second);
    return () => observer.disconnect();
  }, [isThere]);
  return height;
}
