/** The look of a page, for what is shown on it without being part of it. */
export interface Theme {
  dark: boolean;
  ground: string;
  text: string;
}

/** How a page looks around an element. */
export function themeAt(element: Element): Theme {
  const { backgroundColor, color } = getComputedStyle(element.closest(".fnb") ?? element);
  return { dark: brightness(backgroundColor) < brightness(color), ground: backgroundColor, text: color };
}

/** Calls `changed` when the theme of the page may be another one; gives back what ends that. */
export function watchTheme(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  const attributeFilter = ["class", "theme", "data-jp-theme-name", "data-jp-theme-light"];
  for (const element of [document.documentElement, document.body]) observer.observe(element, { attributeFilter });
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", changed);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", changed);
  };
}

function brightness(color: string): number {
  return (color.match(/[\d.]+/g) ?? []).slice(0, 3).reduce((sum, part) => sum + Number(part), 0);
}
