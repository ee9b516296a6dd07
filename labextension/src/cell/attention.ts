import type { RunStore } from "../run/store";

const SIGNS_OF_LIFE = ["pointermove", "pointerdown", "wheel", "keydown"] as const;

/** Tells the kernel that somebody is there who can see the picture, by whatever they do on the page; gives back what ends that. */
export function watchReader(store: RunStore, element: HTMLElement): () => void {
  let onScreen = true;
  const look = () => { if (onScreen) store.reader.look(); };
  const observer = typeof IntersectionObserver === "undefined" ? null : new IntersectionObserver((entries) => { onScreen = entries.at(-1)!.isIntersecting; });
  observer?.observe(element);
  for (const sign of SIGNS_OF_LIFE) window.addEventListener(sign, look, { capture: true, passive: true });
  return () => {
    observer?.disconnect();
    for (const sign of SIGNS_OF_LIFE) window.removeEventListener(sign, look, { capture: true });
  };
}
