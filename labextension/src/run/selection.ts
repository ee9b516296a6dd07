import type { Details, EarlierLogs, LogPiece, Logs, ReportChunk } from "./wire";

/**
 * What the page has of a tab of a report; another edition takes the place of the one before.
 *
 * `frame` counts the frames that it takes: one in which scripts have run is not used for another edition.
 */
export interface ReportTab {
  edition: number;
  frame: number;
  chunks: string[];
}

/** What of the selected action is looked at. */
export type Pane = "overview" | "logs" | "report";

const NUMBER = 3;
const KEPT_LOG_PIECES = 5_000;
const KEPT_LOG_CHARACTERS = 1_000_000;

/** What is known of the selected action. Messages that do not follow on what is here are refused: all is asked for anew. */
export class Selection {
  details: Details | null = null;
  pieces: LogPiece[] = [];
  /** Up to which number its log was sent. */
  logUpTo = 0;
  /** Whether there are lines before `pieces`. */
  cut = false;
  readonly report = new Map<string, ReportTab>();
  /** How many of `pieces` somebody asked for: they are kept. */
  private earlier = 0;

  constructor(readonly action: string) {}

  /** It is asked for anew: what is here stays until that comes, because somebody reads it. */
  askedAnew(): void {
    this.logUpTo = 0;
  }

  /** The number of the first piece of its log, if there is one. */
  get firstPiece(): number | undefined {
    return this.pieces[0]?.[NUMBER];
  }

  /** Take news of the log; false if something is missing before them. */
  takeLogs({ after, up_to, pieces, cut }: Logs): boolean {
    if (after !== 0 && after !== this.logUpTo) return false;
    const first = pieces[0]?.[NUMBER] ?? 0;
    const isAfterAll = after !== 0 || (this.pieces.at(-1)?.[NUMBER] ?? 0) >= first;
    const before = isAfterAll ? this.pieces.filter((piece) => piece[NUMBER] < first) : [];
    if (before.length === 0) Object.assign(this, { cut, earlier: 0 });
    this.pieces = [...before, ...pieces];
    this.logUpTo = up_to;
    this.dropOldLogs();
    return true;
  }

  takeEarlierLogs({ before, pieces, cut }: EarlierLogs): void {
    if (this.firstPiece !== before) return;
    this.pieces = [...pieces, ...this.pieces];
    this.earlier += pieces.length;
    this.cut = cut;
  }

  /** Take a piece of a report; false if something is missing before it. */
  takeReport({ tab, edition, first, pieces }: ReportChunk): boolean {
    const kept = this.report.get(tab);
    const has = kept?.edition === edition ? kept.chunks.length : 0;
    if (first > has) return false;
    if (kept?.edition === edition) {
      kept.chunks.push(...pieces.slice(has - first));
    } else {
      const usedUp = kept?.chunks.some((chunk) => /<script/i.test(chunk)) ?? false;
      this.report.set(tab, { edition, frame: (kept?.frame ?? 0) + (usedUp ? 1 : 0), chunks: [...pieces] });
    }
    return true;
  }

  private dropOldLogs(): void {
    let kept = 0;
    const { pieces, earlier } = this;
    const enough = pieces.slice(earlier).findLastIndex(([, , text], index) => {
      kept += text.length;
      return kept > KEPT_LOG_CHARACTERS || pieces.length - earlier - index > KEPT_LOG_PIECES;
    });
    if (enough < 0) return;
    this.pieces = pieces.slice(Math.min(earlier + enough + 1, pieces.length - 1));
    Object.assign(this, { cut: true, earlier: 0 });
  }
}
