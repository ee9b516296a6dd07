import { Branches } from "./branches";
import { Contact } from "./contact";
import { Insistence } from "./insistence";
import { KnownRun } from "./known_run";
import type { TreeNode } from "./nodes";
import { Notices } from "./notices";
import { Numbering } from "./numbering";
import { inNextFrame } from "./next_frame";
import { Reader } from "./reader";
import { Wishes, type Beginning } from "./wishes";
import type { Diff, FromPage, Header, Node, Notice, Prompt, Reset, TimelineSpans, ToPage } from "./wire";

const GREET_AGAIN_MS = 1_000;

/**
 * A run as one page knows it: messages in, state out.
 *
 * What came is in `nodes`, the header and the timeline; what the reader has open, selected and looks for is kept when
 * everything comes anew.
 */
export class RunStore {
  readonly reader = new Reader({
    send: (message) => this.send(message), changed: () => this.changed(), isLost: () => this.lost, isRunning: () => this.running,
  });
  /** Which questions still wait for an answer, as somebody knows who sees more than the kernel told; null where nobody does. */
  openQuestions: ReadonlySet<string> | null = null;
  private readonly known = new KnownRun();
  private readonly told = new Notices();
  private readonly branches = new Branches(this.known.tree, (message) => this.send(message));
  private readonly numbering = new Numbering(() => this.missed());
  private readonly everything = new Insistence(() => this.greet(), GREET_AGAIN_MS);
  private contact = new Contact();
  private readonly wishes = new Wishes(() => this.changed());
  private readonly listeners = new Set<() => void>();
  private asked = false;
  private frame = 0;

  /** `source`: who tells of the run. */
  constructor(readonly name: string, private post: (message: FromPage) => void, public source: "kernel" | "server" = "kernel") {}

  get header(): Header | null {
    return this.known.header;
  }

  get root(): string {
    return this.known.tree.root;
  }

  get nodes(): ReadonlyMap<string, TreeNode> {
    return this.known.tree.byId;
  }

  get timeline(): TimelineSpans | null {
    return this.known.timeline;
  }

  get prompts(): ReadonlyMap<string, Prompt> {
    return this.known.prompts;
  }

  get notices(): readonly Notice[] {
    return this.told.shown;
  }

  /** What became of the last answer to each question. */
  get outcomes(): ReadonlyMap<string, Notice> {
    return this.told.outcomes;
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
    return this.known.running;
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
    return this.known.unread;
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
    this.reader.askAnew();
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
    this.reader.endAsking();
  }

  answer(prompt: string, value: string): void {
    this.told.outcomes.delete(prompt);
    this.send({ type: "answer", prompt, value });
    this.changed();
  }

  dismiss(notice: Notice): void {
    this.told.dismiss(notice);
    this.changed();
  }

  private send(message: FromPage): void {
    if (this.lost) return;
    this.contact.said(message);
    this.post(message);
  }

  // what comes -----------------------------------------------------------------------------------------------------

  take(message: ToPage): void {
    this.contact.heard();
    if ("at_ms" in message) this.contact.tellsTime(message.at_ms);
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
      case "logs":
      case "earlier_logs":
      case "report":
        this.reader.take(message);
        break;
      case "timeline":
        this.known.timeline = message;
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
    if (this.running && this.header!.owned_here) this.known.interrupt(this.timeThere(this.contact.heardAt));
    this.changed();
  }

  /** The server tells of the run from now on, once it is greeted: its kernel is gone, and it may go on elsewhere. */
  goOn(post: (message: FromPage) => void): void {
    this.post = post;
    this.source = "server";
    this.contact = new Contact();
    this.numbering.forget();
    this.known.timeline = null;
    this.openQuestions = null;
    this.changed();
  }

  tellOpenQuestions(prompts: ReadonlySet<string>): void {
    this.openQuestions = prompts;
    this.changed();
  }

  private reset(message: Reset): void {
    if (!this.numbering.restart(message.seq)) return;
    if (message.heard) this.everything.end();
    this.learn(message.header);
    this.known.tree.clear();
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
      if (header) this.learn(header);
      for (const node of nodes ?? []) this.put(node);
      for (const prompt of prompts ?? []) this.known.prompts.set(prompt.prompt, prompt);
      if (header) this.openFailure();
    }
  }

  private learn(header: Header): void {
    if (this.header !== null && header.resumes > this.header.resumes) this.wishes.begun(); // and perhaps ended again in the same moment
    this.known.header = header;
  }

  private put(node: Node): void {
    for (const { id, isNew } of this.known.tree.put(node)) this.branches.arrived(id, isNew);
  }

  private openFailure(): void {
    this.branches.openFailure(this.header?.failed_in ?? []);
  }

  private notice(message: Notice): void {
    if (this.prompts.has(message.about)) {
      this.told.outcomes.set(message.about, message);
      return;
    }
    if (message.level === "error") this.wishes.clear();
    if (message.level === "info" && this.wishes.heardToStop(message.about)) return;
    if (message.level !== "info") this.reader.endAsking();
    this.wishes.begun();
    this.told.show(message);
  }

  private changed(): void {
    this.wishes.stopped((action) => this.known.hasEnded(action), this.contact.heardAt);
    if (this.frame !== 0) return;
    this.frame = inNextFrame(() => {
      this.frame = 0;
      for (const listener of this.listeners) listener();
    });
  }
}
