import { Branches } from "./branches";
import { ranMs } from "./clock";
import { Contact } from "./contact";
import { NO_FILTER, type Filter } from "./filter";
import { Insistence } from "./insistence";
import { interruptedCounts, Nodes, type TreeNode } from "./nodes";
import { Numbering } from "./numbering";
import { inNextFrame } from "./next_frame";
import { isTerminal } from "./phases";
import { Selection, type Pane } from "./selection";
import { Wishes, type Beginning } from "./wishes";
import { NodeKind, NodePhase } from "./wire";
import type { Diff, FromPage, Header, Node, Notice, Prompt, Reset, Span, TimelineSpans, ToPage } from "./wire";

const KEPT_NOTICES = 3;
const LOOK_EVERY_MS = 5_000;
const GREET_AGAIN_MS = 1_000;
const SELECT_AGAIN_MS = 5_000;

/**
 * A run as one page knows it: messages in, state out.
 *
 * What came is in `nodes`, the header and the timeline; what the reader has open, selected and looks for is kept when
 * everything comes anew.
 */
export class RunStore {
  header: Header | null = null;
  timeline: TimelineSpans | null = null;
  readonly prompts = new Map<string, Prompt>();
  notices: Notice[] = [];
  /** What became of the last answer to each question. */
  readonly outcomes = new Map<string, Notice>();

  selection: Selection | null = null;
  /** Whether an action was ever selected. */
  hasSelected = false;
  pane: Pane = "overview";
  view: "tree" | "timeline" = "tree";
  filter: Filter = NO_FILTER;

  private readonly tree = new Nodes();
  private readonly branches = new Branches(this.tree, (message) => this.send(message));
  private readonly numbering = new Numbering(() => this.missed());
  private readonly everything = new Insistence(() => this.greet(), GREET_AGAIN_MS);
  private readonly details = new Insistence(() => this.select(this.selection?.action ?? "", true), SELECT_AGAIN_MS);
  private contact = new Contact();
  private readonly wishes = new Wishes(() => this.changed());
  private readonly listeners = new Set<() => void>();
  /** Whose bars were asked for last; null is all. */
  private bars: string[] | null = null;
  private lookedAt = 0;
  private used = false;
  private asked = false;
  private frame = 0;

  /** `source`: who tells of the run. */
  constructor(readonly name: string, private post: (message: FromPage) => void, public source: "kernel" | "server" = "kernel") {}

  get root(): string {
    return this.tree.root;
  }

  get nodes(): ReadonlyMap<string, TreeNode> {
    return this.tree.byId;
  }

  get expanded(): ReadonlySet<string> {
    return this.branches.open;
  }

  /** What is to be stopped and has not ended yet, and since when; an empty action is the run. */
  get stopping(): ReadonlyMap<string, number> {
    return this.wishes.stopping;
  }

  /** What was asked to begin a moment ago, if nothing was said of it since. */
  get beginning(): Beginning | "" {
    return this.wishes.beginning;
  }

  /** Since when the page waits for an answer of the kernel; 0 if it does not. */
  get askedAt(): number {
    return this.contact.askedAt;
  }

  /** Whether who told of the run is gone for good. */
  get lost(): boolean {
    return this.contact.lost;
  }

  /** Whether the kernel has not answered yet. */
  get waiting(): boolean {
    return this.everything.waits;
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
    return this.contact.silentSince(now, this.running);
  }

  /** What time it is where the run is told of, by which its times are read. */
  timeThere(now: number): number {
    return this.contact.timeThere(now);
  }

  /** Until when it is known how the run stands, by the time there: clocks go on no further. */
  knownUntil(now: number): number {
    return this.contact.knownUntil(now);
  }

  /** How many actions of the run the page has not been sent. */
  get unread(): number {
    const all = this.header?.counts.reduce((sum, one) => sum + one, 0) ?? 0;
    let read = 0;
    for (const node of this.nodes.values()) if (node.kind === NodeKind.ACTION) read += 1;
    return Math.max(0, all - read);
  }

  /** Call `listener` after changes, at most once a frame. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  // what the page says ---------------------------------------------------------------------------------------------

  /** Ask for everything, until that comes. */
  greet(): void {
    if (this.lost) return;
    if (!this.asked) this.contact.begin();
    this.asked = true;
    this.everything.begin();
    this.send({ type: "hello", open: this.branches.subscribed });
    if (this.used) this.send({ type: "look", uses: true });
    if (this.selection !== null) this.select(this.selection.action, true);
    if (this.view === "timeline") this.askTimeline(this.bars);
  }

  /** There is another connection to who tells of the run, who numbers messages anew. */
  reconnect(): void {
    this.numbering.forget();
    this.greet();
  }

  /** Open a branch on the page and have its children sent. */
  expand(id: string): void {
    this.branches.expand(id);
    this.changed();
  }

  collapse(id: string): void {
    this.branches.collapse(id);
    this.changed();
  }

  /** Have everything sent, so that it can be searched. */
  search(): void {
    this.branches.search();
  }

  /** The search is over: only what is opened is sent from now on. */
  endSearch(): void {
    if (!this.branches.endSearch()) return;
    this.everything.begin();
    this.send({ type: "hello", open: this.branches.subscribed });
  }

  select(action: string, again = false): void {
    const before = this.selection?.action === action ? this.selection : null;
    if (before !== null && !again) return;
    before?.askedAnew();
    if (before === null) this.details.end();
    if (action !== "" && !this.lost) this.details.begin();
    this.hasSelected = true;
    this.selection = action === "" ? null : (before ?? new Selection(action));
    this.use();
    this.send({ type: "select", action });
    this.changed();
  }

  abort(action: string): void {
    this.wishes.stop(action);
    this.send({ type: "abort", action });
    this.changed();
  }

  /** Have the run go on, or run again; not twice for one wish. */
  begin(what: Beginning): void {
    if (!this.wishes.begin(what)) return;
    this.send({ type: what });
    this.changed();
  }

  /** What was asked to begin does not: the reader has thought better of it. */
  beginNothing(): void {
    this.wishes.begun();
    this.changed();
  }

  askEarlierLogs(): void {
    const before = this.selection?.firstPiece;
    if (before !== undefined) this.send({ type: "ask_earlier_logs", action: this.selection!.action, before });
  }

  /** Have the bars of those actions sent, or of all. */
  askTimeline(actions: string[] | null): void {
    this.bars = actions;
    this.send({ type: "ask_timeline", actions });
  }

  /** Tell the kernel now and then that somebody looks at the run. */
  look(): void {
    const now = Date.now();
    if (this.running || now - this.lookedAt < LOOK_EVERY_MS) return;
    this.lookedAt = now;
    this.send({ type: "look", uses: this.used });
  }

  /** The reader has done something with what is shown: the kernel is told that it should stay. */
  use(): void {
    if (this.used) return;
    this.used = true;
    this.send({ type: "look", uses: true });
  }

  /** The page shows the run no more, until it greets again. */
  leave(): void {
    this.send({ type: "leave" });
    this.asked = false;
    this.close();
    this.numbering.forget();
  }

  /** Nothing more is asked for: the way to who tells of the run is closed, or the page shows it no more. */
  close(): void {
    this.everything.end();
    this.details.end();
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

  private send(message: FromPage): void {
    if (this.lost) return;
    this.contact.said(message);
    this.post(message);
  }

  // what the reader looks at ---------------------------------------------------------------------------------------

  show(changes: Partial<Pick<RunStore, "view" | "filter" | "pane">>): void {
    Object.assign(this, changes);
    this.changed();
  }

  // what comes -----------------------------------------------------------------------------------------------------

  take(message: ToPage): void {
    this.contact.heard();
    if ("at_ms" in message) this.contact.tellsTime(message.at_ms);
    const selection = "action" in message && this.selection?.action === message.action ? this.selection : null;
    switch (message.type) {
      case "reset":
        this.reset(message);
        break;
      case "diff":
        this.diff(message);
        break;
      case "heartbeat":
        this.numbering.expect(message.seq);
        break;
      case "details":
        if (selection === null) break;
        selection.details = message;
        this.details.end();
        break;
      case "logs":
        if (selection?.takeLogs(message) === false) this.select(message.action, true);
        break;
      case "earlier_logs":
        selection?.takeEarlierLogs(message);
        break;
      case "report":
        if (selection?.takeReport(message) === false) this.select(message.action, true);
        break;
      case "timeline":
        this.timeline = message;
        break;
      case "notice":
        this.notice(message);
        break;
    }
    if (!this.numbering.isBehind) this.contact.caughtUp();
    if (this.running) this.wishes.begun();
    this.changed();
  }

  /** Who told of the run is gone: nothing more comes, and what it drove does not go on. */
  lose(): void {
    if (this.lost) return;
    this.contact.lose();
    this.close();
    this.wishes.clear();
    if (this.running && this.header!.owned_here) this.interrupt(this.header!);
    this.changed();
  }

  /** The server tells of the run from now on, once it is greeted: its kernel is gone, and it may go on elsewhere. */
  goOn(post: (message: FromPage) => void): void {
    this.post = post;
    this.source = "server";
    this.contact = new Contact();
    this.numbering.forget();
    this.timeline = null;
    this.changed();
  }

  private interrupt(header: Header): void {
    const endedAt = this.timeThere(this.contact.heardAt);
    const endMs = ranMs(header, endedAt);
    this.tree.interrupt(endMs);
    if (this.timeline !== null) this.timeline = interruptedTimeline(this.timeline, endMs);
    this.header = { ...header, phase: NodePhase.ABORTED, interrupted: true, ended_at_ms: endedAt, counts: interruptedCounts(header.counts) };
  }

  private reset(message: Reset): void {
    if (!this.numbering.restart(message.seq)) return;
    if (message.heard) this.everything.end();
    this.header = message.header;
    this.tree.clear();
    this.branches.renew(message.open);
    for (const node of message.nodes) this.put(node);
    this.branches.askAgain();
    this.openFailure();
    this.takeInTurn();
  }

  /** The frontend has dropped something: everything is asked for anew. */
  private missed(): void {
    this.contact.missed();
    if (!this.waiting) this.greet();
  }

  private diff(message: Diff): void {
    if (!this.numbering.add(message) || this.header === null) return;
    this.takeInTurn();
    this.numbering.expect(message.seq);
  }

  private takeInTurn(): void {
    for (const { header, nodes, prompts } of this.numbering.inTurn()) {
      this.header = header ?? this.header;
      for (const node of nodes ?? []) this.put(node);
      for (const prompt of prompts ?? []) this.prompts.set(prompt.prompt, prompt);
      if (header) this.openFailure();
    }
  }

  private put(node: Node): void {
    for (const { id, isNew } of this.tree.put(node)) this.branches.arrived(id, isNew);
  }

  private openFailure(): void {
    this.branches.openFailure(this.header?.failed_in ?? []);
  }

  private notice(message: Notice): void {
    if (this.prompts.has(message.about)) {
      this.outcomes.set(message.about, message);
      return;
    }
    if (message.level === "error") this.wishes.clear();
    if (message.level === "info" && this.wishes.heardToStop(message.about)) return;
    if (message.level !== "info") this.details.end();
    this.wishes.begun();
    this.notices = [...this.notices.filter(({ text }) => text !== message.text), message].slice(-KEPT_NOTICES); // some are told with each connection
  }

  private hasEnded(action: string): boolean {
    const phase = action === "" ? this.header?.phase : this.nodes.get(action)?.phase;
    return isTerminal(phase ?? 0) || isTerminal(this.header?.phase ?? 0);
  }

  private changed(): void {
    this.wishes.stopped((action) => this.hasEnded(action), this.contact.heardAt);
    if (this.frame !== 0) return;
    this.frame = inNextFrame(() => {
      this.frame = 0;
      for (const listener of this.listeners) listener();
    });
  }
}

/** The bars, none of which goes on after `endMs`. */
function interruptedTimeline(timeline: TimelineSpans, endMs: number): TimelineSpans {
  const spans = timeline.spans.map((span): Span => {
    const [action, label, depth, startMs, , phase] = span;
    return isTerminal(phase) ? span : [action, label, depth, startMs, Math.max(startMs, endMs), NodePhase.ABORTED];
  });
  return { ...timeline, spans };
}
