const SHORT = 8;
const CAN_BE_PARTED = /^[\x20-\x7e]+$/;

/** A name that keeps its end where it has to be cut: names that begin alike are told apart by that. */
export function Name({ text, quiet = "" }: { text: string; quiet?: string }) {
  const at = text.length > SHORT && CAN_BE_PARTED.test(text) ? Math.max(Math.ceil(text.length / 2), text.length - SHORT) : text.length;
  return (
    <span class="fnb-label">
      <span class="fnb-label-begin">{quiet !== "" && <i class="fnb-quiet">{quiet}</i>}{text.slice(0, at)}</span>
      {at < text.length && <span class="fnb-label-end">{text.slice(at)}</span>}
    </span>
  );
}
