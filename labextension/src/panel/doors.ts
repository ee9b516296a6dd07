/** A notebook, seen from the server's root, and the id of one of its cells, or an empty one. */
export interface NotebookPlace {
  path: string;
  cell: string;
}

/** What the panel asks of the page that it is on. */
export interface Doors {
  openRun(name: string): void;
  /** Goes on with a run, where there are several places in the one that the person chooses. */
  resume(run: string): Promise<void>;
  /** Absent where there are no notebooks. */
  openNotebook?: (place: NotebookPlace) => void;
  confirm(title: string, text: string, action: string): Promise<boolean>;
}
