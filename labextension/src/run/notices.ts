import type { Notice } from "./wire";

const KEPT = 3;

/** What the reader is told besides how the run stands. */
export class Notices {
  shown: readonly Notice[] = [];
  /** What became of the last answer to each question. */
  readonly outcomes = new Map<string, Notice>();

  /** Show one more; some are told with each connection, and shown once. */
  show(notice: Notice): void {
    this.shown = [...this.shown.filter(({ text }) => text !== notice.text), notice].slice(-KEPT);
  }

  dismiss(notice: Notice): void {
    this.shown = this.shown.filter((one) => one !== notice);
  }

  /** What was told about these is over. */
  endAbout(names: readonly string[]): void {
    this.shown = this.shown.filter(({ about }) => !names.includes(about));
  }
}
