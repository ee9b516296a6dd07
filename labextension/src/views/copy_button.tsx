import { useState } from "preact/hooks";

/** Puts a text on the clipboard. */
export function CopyButton({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      copyBySelecting(text);
    }
    setCopied(true);
    setTimeout(() => setCopied(false), 1_500);
  };
  return <button type="button" class="fnb-button" onClick={() => void copy()}>{copied ? "Copied" : "Copy"}</button>;
}

/** For pages that were not loaded over HTTPS or from this machine: they have no clipboard. */
function copyBySelecting(text: string): void {
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
