/** What the panel asks of the page that it is on. */
export interface Doors {
  openRun(name: string): void;
  /** Absent where there are no notebooks. */
  openNotebook?: (path: string) => void;
  confirm(title: string, text: string, action: string): Promise<boolean>;
}
