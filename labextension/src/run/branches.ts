import type { Nodes } from "./nodes";
import type { FromPage } from "./wire";

const SMALL = 12;
const NEAR_THE_ROOT = 2;
const OPENED_BY_THEMSELVES = 20;

/**
 * Which branches are open on the page, and which of them the kernel has been asked for.
 *
 * Some open by themselves: small ones near the root, and those around a failure, unless the reader has decided otherwise.
 */
export class Branches {
  readonly open = new Set<string>();
  private readonly asked = new Set<string>();
  private readonly decided = new Set<string>();
  private readonly closed = new Set<string>();
  private openedByThemselves = 0;
  private searching = false;

  constructor(private readonly nodes: Nodes, private readonly send: (message: FromPage) => void) {}

  /** What the kernel has been asked for, to ask for it again. */
  get subscribed(): string[] {
    return [...this.asked];
  }

  expand(id: string): void {
    this.closed.delete(id);
    this.open.add(id);
    this.decided.add(id);
    if (this.asked.has(id)) return;
    this.asked.add(id);
    this.send({ type: "open", id, all: false });
  }

  collapse(id: string): void {
    this.closed.add(id);
    this.open.delete(id);
    this.decided.add(id);
    if (id !== this.nodes.root && this.asked.delete(id)) this.send({ type: "close", id });
  }

  /** Have everything sent, so that it can be searched; one message, whatever the size of the run. */
  search(): void {
    if (this.searching || this.nodes.root === "") return;
    this.searching = true;
    this.send({ type: "open", id: this.nodes.root, all: true });
  }

  /** The search is over; whether there was one. */
  endSearch(): boolean {
    const was = this.searching;
    this.searching = false;
    return was;
  }

  /** The kernel has sent everything anew, `subscribed` among it: what else is open is asked for again. */
  renew(subscribed: readonly string[]): void {
    this.asked.clear();
    for (const id of subscribed) if (this.open.has(id)) this.asked.add(id); // the kernel is told to close the others
  }

  /** What is open and was not among what was sent anew is asked for. */
  askAgain(): void {
    for (const id of this.open) if (this.nodes.byId.has(id)) this.expand(id);
    if (this.searching) this.send({ type: "open", id: this.nodes.root, all: true });
  }

  /** A row has come, for the first time or changed. */
  arrived(id: string, isNew: boolean): void {
    if (isNew && id === this.nodes.root) {
      for (const set of [this.open, this.asked, this.decided]) set.add(id);
    } else if (isNew && this.open.has(id)) {
      this.expand(id); // open before everything came anew, when it was not among that
    }
    this.openSmall(id);
  }

  /** What made the run fail is seen at once, unless the reader has closed a branch above it. */
  openFailure(failedIn: readonly string[]): void {
    for (const id of failedIn) {
      if (this.closed.has(id)) return;
      if (!this.open.has(id)) this.expand(id);
    }
  }

  private openSmall(id: string): void {
    const node = this.nodes.byId.get(id);
    if (node === undefined || this.decided.has(id) || node.childCount === 0) return;
    if (node.childCount <= SMALL && this.nodes.depth(node) <= NEAR_THE_ROOT && this.openedByThemselves < OPENED_BY_THEMSELVES) {
      this.openedByThemselves += 1;
      this.expand(id);
    } else {
      this.decided.add(id);
    }
  }
}
