import { NO_FILTER, type Filter } from "./filter";
import { Insistence } from "./insistence";
import { Selection, type Pane } from "./selection";
import type { Details, EarlierLogs, FromPage, Logs, ReportChunk } from "./wire";

const LOOK_EVERY_MS = 5_000;
const SELECT_AGAIN_MS = 5_000;

/** What the reader's wishes need to come true. */
interface Way {
  send(message: FromPage): void;
  changed(): void;
  isLost(): boolean;
  isRunning(): boolean;
}

/** Whoever looks at a run on this page: what they have selected, look at and look for, and what is asked for because of that. */
export class Reader {
  selection: Selection | null = null;
  /** Whether an action was ever selected. */
  hasSelected = false;
  pane: Pane = "overview";
  view: "tree" | "timeline" = "tree";
  filter: Filter = NO_FILTER;

  private readonly details = new Insistence(() => this.select(this.selection?.action ?? "", true), SELECT_AGAIN_MS);
  /** Whose bars were asked for last; null is all. */
  private bars: string[] | null = null;
  private lookedAt = 0;
  private used = false;

  constructor(private readonly way: Way) {}

  show(changes: Partial<Pick<Reader, "view" | "filter" | "pane">>): void {
    Object.assign(this, changes);
    this.way.changed();
  }

  /** Ask for all that is looked at once more: whoever tells of the run knows nothing of it. */
  askAnew(): void {
    if (this.used) this.way.send({ type: "look", uses: true });
    if (this.selection !== null) this.select(this.selection.action, true);
    if (this.view === "timeline") this.askTimeline(this.bars);
  }

  /** Nothing more is waited for. */
  endAsking(): void {
    this.details.end();
  }

  select(action: string, again = false): void {
    const before = this.selection?.action === action ? this.selection : null;
    if (before !== null && !again) return;
    before?.askedAnew();
    if (before === null) this.details.end();
    if (action !== "" && !this.way.isLost()) this.details.begin();
    this.hasSelected = true;
    this.selection = action === "" ? null : (before ?? new Selection(action));
    this.use();
    this.way.send({ type: "select", action });
    this.way.changed();
  }

  askEarlierLogs(): void {
    const before = this.selection?.firstPiece;
    if (before !== undefined) this.way.send({ type: "ask_earlier_logs", action: this.selection!.action, before });
  }

  /** Have the bars of those actions sent, or of all. */
  askTimeline(actions: string[] | null): void {
    this.bars = actions;
    this.way.send({ type: "ask_timeline", actions });
  }

  /** Tell the kernel now and then that somebody looks at the run. */
  look(): void {
    const now = Date.now();
    if (this.way.isRunning() || now - this.lookedAt < LOOK_EVERY_MS) return;
    this.lookedAt = now;
    this.way.send({ type: "look", uses: this.used });
  }

  /** Something was done with what is shown: the kernel is told that it should stay. */
  use(): void {
    if (this.used) return;
    this.used = true;
    this.way.send({ type: "look", uses: true });
  }

  /** Take what is told of the selected action. */
  take(message: Details | Logs | EarlierLogs | ReportChunk): void {
    const { selection } = this;
    if (selection === null || selection.action !== message.action) return;
    switch (message.type) {
      case "details":
        selection.details = message;
        this.details.end();
        break;
      case "logs":
        if (!selection.takeLogs(message)) this.select(message.action, true);
        break;
      case "earlier_logs":
        selection.takeEarlierLogs(message);
        break;
      case "report":
        if (!selection.takeReport(message)) this.select(message.action, true);
        break;
    }
  }
}
