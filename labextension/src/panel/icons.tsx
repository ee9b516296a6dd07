const PATHS = {
  stop: "M4 4h8v8H4z",
  rerun: "M8 3a5 5 0 1 0 4.6 3h-1.7A3.4 3.4 0 1 1 8 4.6V7l4-3.2L8 .6z",
  notebook: "M4 2h8a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H4zm1.5 2v1.4h5V4zm0 3v1.4h5V7zM2 3h1v2H2zm0 4h1v2H2zm0 4h1v2H2z",
  remove: "M6 2h4l.6 1H13v1.4H3V3h2.4zM4 5.5h8L11.4 14H4.6z",
  filter: "M2 3h12v1.6L9.5 9v4.5l-3-1.5V9L2 4.6z",
} as const;

export type IconName = keyof typeof PATHS;

/** A small button with a picture; its label is what is read out and shown on hovering. */
export function IconButton(props: {
  icon: IconName; label: string; onClick: () => void; danger?: boolean; pressed?: boolean; disabled?: boolean; tabIndex?: number;
}) {
  return (
    <button type="button" class={`fnb-icon${props.danger === true ? " fnb-danger" : ""}`} aria-label={props.label} title={props.label}
      aria-pressed={props.pressed} disabled={props.disabled} tabIndex={props.tabIndex}
      onClick={(event) => { event.stopPropagation(); props.onClick(); }}>
      <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true"><path d={PATHS[props.icon]} fill="currentColor" fill-rule="evenodd" /></svg>
    </button>
  );
}
