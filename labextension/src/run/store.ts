import { ranMs } from "./clock";
import { isTerminal } from "./phases";
import { NodePhase } from "./wire";
import type {
  Details,
  Diff,
  EarlierLogs,
  FromPage,
  Header,
  LogPiece,
  Logs,
  Node,
  Notice,
  Prompt,
  ReportChunk,
  Reset,
  TimelineSpans,
  ToPage,
} from "./wire";

/** One row of the tree, with the children that the page has been sent. */
export interface TreeNode {
  id: string;
  parent: string;
  kind: number;
  label: string;
  phase: number;
  startMs: number;
  endMs: number;
  attempts: number;
  flags: number;
  childCount: number;
  counts: number[];
  /** Its first inputs. */
  hint: string;
  children: string[];
}

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

/** What is known of the selected action. */
export interface Selection {
  action: string;
  details: Details | null;
  pieces: LogPiece[];
  /** Up to which number its log was sent. */
  logUpTo: number;
  /** Whether there are lines before `pieces`. */
  cut: boolean;
  /** How many of `pieces` somebody asked for: they are kept. */
  earlier: number;
  report: Map<string, ReportTab>;
}

const NUMBER = 3;
const KEPT_LOG_PIECES = 5_000;
const KEPT_LOG_CHARACTERS = 1_000_000;
const KEPT_NOTICES = 3;
const OPENED_BY_THEMSELVES = 20;
const ANSWERED: ReadonlySet<FromPage["type"]> = new Set(["hello", "select", "ask_timeline", "ask_earlier_logs", "abort", "answer"]);
const SILENCE_MS = 6_000;
const LATE_MS = 300;
const LOOK_EVERY_MS = 5_000;

/**
 * A run as one page knows it: messages in, state out.
 *
 * Messages are numbered. They come from several threads of a kernel and may overtake each other, so an early one waits a
 * moment for those before it. If they do not come, the frontend has dropped some: the store asks for everything anew and
 * keeps what is open and selected.
 */
export class RunStore {
  header: Header | null = null;
  root = "";
  readonly nodes = new Map<string, TreeNode>();
  readonly expanded = new Set<string>();
  readonly prompts = new Map<string, Prompt>();
  /** What became of the last answer to each question. */
  readonly outcomes = new Map<string, Notice>();
  selection: Selection | null = null;
  pane: Pane = "overview";
  timeline: TimelineSpans | null = null;
  notices: Notice[] = [];
  heardAt = Date.now();
  /** Since when the page waits for an answer of the kernel; 0 if it does not. */
  askedAt = 0;
  /** Whether who told of the run is gone for good. */
  lost = false;
  /** What is to be stopped and has not ended yet, and since when; an empty action is the run. */
  readonly stopping = new Map<string, number>();

  private readonly subscribed = new Set<string>();
  private readonly toldToStop = new Set<string>();
  private readonly decided = new Set<string>();
  private readonly closed = new Set<string>();
  private openedByThemselves = 0;
  private searching = false;
  private readonly listeners = new Set<() => void>();
  private readonly early = new Map<number, Diff>();
  private seq = 0;
  private newest = 0;
  private patience: ReturnType<typeof setTimeout> | undefined;
  private lookedAt = 0;
  private asking = false;
  private asked = false;
  private frame = 0;

  /** `source`: who tells of the run. */
  constructor(private readonly post: (message: FromPage) => void, readonly source: "kernel" | "server" = "kernel") {}

  private send(message: FromPage): void {
    if (this.lost) return;
    if (ANSWERED.has(message.type)) this.askedAt ||= Date.now();
    this.post(message);
  }

  /** Ask for everything. */
  greet(): void {
    this.asking = true;
    this.asked = true;
    this.send({ type: "hello", open: [...this.subscribed] });
    if (this.selection !== null) this.select(this.selection.action, true);
  }

  /** Whether the kernel has not answered yet. */
  get waiting(): boolean {
    return this.asking;
  }

  /** Whether the kernel has been asked by this page. */
  get hasAsked(): boolean {
    return this.asked;
  }

  /** Whether the run goes on, as far as is known. */
  get running(): boolean {
    return this.header !== null && !isTerminal(this.header.phase);
  }

  /** Since when nothing came although something should have; 0 if that is not so. */
  silentSince(now: number): number {
    const since = this.running ? this.heardAt : this.askedAt;
    return since > 0 && now - since >= SILENCE_MS ? since : 0;
  }

  /** Until when it is known how the run stands: clocks go on no further. */
  knownUntil(now: number): number {
    return this.silentSince(now) > 0 ? this.heardAt : now;
  }

  /** Who told of the run is gone: nothing more comes, and what it drove does not go on. */
  lose(): void {
    if (this.lost) return;
    this.lost = true;
    this.askedAt = 0;
    this.stopping.clear();
    if (this.running && this.header!.owned_here) this.interrupt(this.header!);
    this.changed();
  }

  private interrupt(header: Header): void {
    const endMs = ranMs(header, this.heardAt);
    for (const node of this.nodes.values()) {
      node.counts = aborted(node.counts);
      if (isTerminal(node.phase)) continue;
      node.phase = NodePhase.ABORTED;
      if (node.startMs >= 0) node.endMs = Math.max(node.startMs, endMs);
    }
    this.header = { ...header, phase: NodePhase.ABORTED, interrupted: true, ended_at_ms: this.heardAt, counts: aborted(header.counts) };
  }

  /** Call `listener` after changes, at most once a frame. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  take(message: ToPage): void {
    this.heardAt = Date.now();
    this.askedAt = 0;
    switch (message.type) {
      case "reset":
        this.reset(message);
        break;
      case "diff":
        this.diff(message);
        break;
      case "heartbeat":
        this.expect(message.seq);
        break;
      case "details":
        if (this.selection?.action === message.action) this.selection.details = message;
        break;
      case "logs":
        this.logs(message);
        break;
      case "earlier_logs":
        this.earlierLogs(message);
        break;
      case "report":
        this.report(message);
        break;
      case "timeline":
        this.timeline = message;
        break;
      case "notice":
        this.notice(message);
        break;
    }
    this.changed();
  }

  /** Open a branch on the page and have its children sent. */
  expand(id: string): void {
    this.expanded.add(id);
    this.decided.add(id);
    if (!this.subscribed.has(id)) {
      this.subscribed.add(id);
      this.send({ type: "open", id, all: false });
    }
    this.changed();
  }

  collapse(id: string): void {
    this.closed.add(id);
    this.expanded.delete(id);
    this.decided.add(id);
    if (id !== this.root && this.subscribed.delete(id)) this.send({ type: "close", id });
    this.changed();
  }

  /** Have everything sent, so that it can be searched; one message, whatever the size of the run. */
  search(): void {
    if (this.searching || this.root === "") return;
    this.searching = true;
    this.send({ type: "open", id: this.root, all: true });
  }

  /** The search is over: only what is opened is sent from now on. */
  endSearch(): void {
    if (!this.searching) return;
    this.searching = false;
    this.asking = true;
    this.send({ type: "hello", open: [...this.subscribed] });
  }

  select(action: string, again = false): void {
    const before = this.selection?.action === action ? this.selection : null;
    if (before !== null && !again) return;
    // What is asked for anew stays on the page until it comes: somebody reads it.
    const fresh = { action, details: null, pieces: [], cut: false, earlier: 0, report: new Map<string, ReportTab>() };
    this.selection = action === "" ? null : { ...(before ?? fresh), logUpTo: 0 };
    this.send({ type: "select", action });
    this.changed();
  }

  abort(action: string): void {
    this.toldToStop.add(action);
    this.stopping.set(action, Date.now());
    this.send({ type: "abort", action });
    this.changed();
  }

  resume(): void {
    this.send({ type: "resume" });
  }

  rerun(): void {
    this.send({ type: "rerun" });
  }

  askEarlierLogs(): void {
    const first = this.selection?.pieces[0];
    if (first !== undefined) this.send({ type: "ask_earlier_logs", action: this.selection!.action, before: first[NUMBER] });
  }

  askTimeline(): void {
    this.send({ type: "ask_timeline" });
  }

  /** Tell the kernel now and then that somebody looks at the run. */
  look(): void {
    const now = Date.now();
    if (now - this.lookedAt < LOOK_EVERY_MS) return;
    this.lookedAt = now;
    this.send({ type: "look" });
  }

  answer(prompt: string, value: string): void {
    this.outcomes.delete(prompt);
    this.send({ type: "answer", prompt, value });
    this.changed();
  }

  dismiss(notice: Notice): void {
    this.notices = this.notices.filter((one) => one !== notice);
    this.changed();
  }

  private reset(message: Reset): void {
    if (message.seq < this.seq) return;
    if (message.heard) this.asking = false;
    this.seq = message.seq;
    this.header = message.header;
    this.nodes.clear();
    this.timeline = null;
    this.root = "";
    this.subscribed.clear();
    for (const id of message.open) this.subscribed.add(id);
    for (const node of message.nodes) this.put(node);
    for (const id of this.expanded) if (this.nodes.has(id)) this.expand(id);
    if (this.searching) this.send({ type: "open", id: this.root, all: true });
    this.openFailure();
    this.takeEarly();
  }

  private diff(message: Diff): void {
    if (message.seq <= this.seq) return;
    this.early.set(message.seq, message);
    if (this.header === null) return;
    this.takeEarly();
    this.expect(message.seq);
  }

  private takeEarly(): void {
    for (const seq of this.early.keys()) if (seq <= this.seq) this.early.delete(seq);
    for (let next = this.early.get(this.seq + 1); next !== undefined; next = this.early.get(this.seq + 1)) {
      this.seq = next.seq;
      this.early.delete(next.seq);
      if (next.header !== null && next.header !== undefined) this.header = next.header;
      for (const node of next.nodes ?? []) this.put(node);
      for (const prompt of next.prompts ?? []) this.prompts.set(prompt.prompt, prompt);
      if (next.header) this.openFailure();
    }
  }

  /** All up to this number should be here, or be here soon. */
  private expect(seq: number): void {
    this.newest = Math.max(this.newest, seq);
    if (this.newest <= this.seq || this.patience !== undefined) return;
    this.patience = setTimeout(() => {
      this.patience = undefined;
      if (this.newest > this.seq && !this.asking) this.greet();
    }, LATE_MS);
  }

  private put(node: Node): void {
    const [id, parent, kind, label, phase, startMs, endMs, attempts, flags, childCount, counts, hint] = node;
    const known = this.nodes.get(id);
    if (known !== undefined) {
      Object.assign(known, { label, phase, startMs, endMs, attempts, flags, childCount, counts, hint });
    } else {
      this.nodes.set(id, {
        id, parent, kind, label, phase, startMs, endMs, attempts, flags, childCount, counts, hint, children: [],
      });
      if (parent === "") {
        this.root = id;
        this.expanded.add(id);
        this.subscribed.add(id);
        this.decided.add(id);
      } else {
        this.nodes.get(parent)?.children.push(id);
        if (this.expanded.has(id)) this.expand(id); // open before a reset that did not know it
      }
    }
    this.openSmall(id);
  }

  /** What made the run fail is seen at once, unless the reader has closed a branch above it. */
  private openFailure(): void {
    for (const id of this.header?.failed_in ?? []) {
      if (this.closed.has(id)) return;
      if (!this.expanded.has(id)) this.expand(id);
    }
  }

  /** Small branches near the root open by themselves, until the reader opens or closes them. */
  private openSmall(id: string): void {
    const node = this.nodes.get(id);
    if (node === undefined || this.decided.has(id) || node.childCount === 0) return;
    if (node.childCount <= 12 && this.depth(node) <= 2 && this.openedByThemselves < OPENED_BY_THEMSELVES) {
      this.openedByThemselves += 1;
      this.expand(id);
    } else {
      this.decided.add(id);
    }
  }

  private depth(node: TreeNode): number {
    let depth = 0;
    for (let above = this.nodes.get(node.parent); above !== undefined; above = this.nodes.get(above.parent)) depth += 1;
    return depth;
  }

  private logs({ action, after, up_to, pieces, cut }: Logs): void {
    const selection = this.selection;
    if (selection === null || selection.action !== action) return;
    if (after !== 0 && after !== selection.logUpTo) {
      this.select(action, true);
      return;
    }
    const first = pieces[0]?.[NUMBER] ?? 0;
    const isAfterAll = after !== 0 || (selection.pieces.at(-1)?.[NUMBER] ?? 0) >= first;
    const before = isAfterAll ? selection.pieces.filter((piece) => piece[NUMBER] < first) : [];
    if (before.length === 0) Object.assign(selection, { cut, earlier: 0 });
    selection.pieces = [...before, ...pieces];
    selection.logUpTo = up_to;
    this.dropOldLogs(selection);
  }

  private dropOldLogs(selection: Selection): void {
    let kept = 0;
    const { pieces, earlier } = selection;
    const enough = pieces.slice(earlier).findLastIndex(([, , text], index) => {
      kept += text.length;
      return kept > KEPT_LOG_CHARACTERS || pieces.length - earlier - index > KEPT_LOG_PIECES;
    });
    if (enough < 0) return;
    selection.pieces = pieces.slice(Math.min(earlier + enough + 1, pieces.length - 1));
    Object.assign(selection, { cut: true, earlier: 0 });
  }

  private earlierLogs({ action, before, pieces, cut }: EarlierLogs): void {
    const selection = this.selection;
    if (selection === null || selection.action !== action || selection.pieces[0]?.[NUMBER] !== before) return;
    selection.pieces = [...pieces, ...selection.pieces];
    selection.earlier += pieces.length;
    selection.cut = cut;
  }

  private report({ action, tab, edition, first, pieces }: ReportChunk): void {
    const selection = this.selection;
    if (selection === null || selection.action !== action) return;
    const kept = selection.report.get(tab);
    const has = kept?.edition === edition ? kept.chunks.length : 0;
    if (first > has) {
      this.select(action, true);
    } else if (kept?.edition === edition) {
      kept.chunks.push(...pieces.slice(has - first));
    } else {
      const usedUp = kept?.chunks.some((chunk) => /<script/i.test(chunk)) ?? false;
      selection.report.set(tab, { edition, frame: (kept?.frame ?? 0) + (usedUp ? 1 : 0), chunks: [...pieces] });
    }
  }

  private notice(message: Notice): void {
    if (this.prompts.has(message.about)) {
      this.outcomes.set(message.about, message);
      return;
    }
    if (message.level === "error") this.stopping.clear();
    if (message.level === "info" && this.toldToStop.has(message.about)) return;
    this.notices = [...this.notices, message].slice(-KEPT_NOTICES);
  }

  private forgetStopped(): void {
    for (const action of this.stopping.keys()) {
      const phase = action === "" ? this.header?.phase : this.nodes.get(action)?.phase;
      if ((phase !== undefined && isTerminal(phase)) || isTerminal(this.header?.phase ?? 0)) this.stopping.delete(action);
    }
  }

  private changed(): void {
    this.forgetStopped();
    if (this.frame !== 0) return;
    this.frame = schedule(() => {
      this.frame = 0;
      for (const listener of this.listeners) listener();
    });
  }
}

/** Counts by phase, when all that was going on no longer does. */
function aborted(counts: number[]): number[] {
  const over = counts.reduce((sum, one, phase) => (isTerminal(phase) ? sum : sum + one), 0);
  return counts.map((one, phase) => (phase === NodePhase.ABORTED ? one + over : isTerminal(phase) ? one : 0));
}

/** The next frame; or soon, on a page that nobody looks at and that gets no frames. */
function schedule(callback: () => void): number {
  let done = false;
  const once = () => {
    if (done) return;
    done = true;
    callback();
  };
  setTimeout(once, 250);
  return requestAnimationFrame(once);
}
