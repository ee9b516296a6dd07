/** What the reader looks for; nothing set is everything. */
export interface Filter {
  text: string;
  phases: ReadonlySet<number>;
}

export const NO_FILTER: Filter = { text: "", phases: new Set() };

export function isFiltering(filter: Filter): boolean {
  return filter.text.trim() !== "" || filter.phases.size > 0;
}
