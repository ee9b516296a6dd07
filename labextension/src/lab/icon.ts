import { LabIcon } from "@jupyterlab/ui-components";

/** A root with three actions below it, one of them done. */
export const runsIcon = new LabIcon({
  name: "flyte-nb:runs",
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
<g class="jp-icon3" fill="none" stroke="#616161" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">
<path d="M6 7.5v9a2 2 0 0 0 2 2h4M6 12h6"/></g>
<g class="jp-icon3" fill="#616161"><circle cx="6" cy="5" r="3"/><circle cx="16" cy="12" r="3"/><circle cx="16" cy="18.5" r="3"/>
<rect x="12" y="3.6" width="8" height="2.8" rx="1.4"/></g></svg>`,
});
