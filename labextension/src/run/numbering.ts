import type { Diff } from "./wire";

const LATE_MS = 300;

/**
 * The order of messages. They come from several threads of a kernel and may overtake each other, so an early one waits a
 * moment for those before it. If they do not come, the frontend has dropped some.
 */
export class Numbering {
  private readonly early = new Map<number, Diff>();
  private upTo = 0;
  private newest = 0;
  private patience: ReturnType<typeof setTimeout> | undefined;

  /** `missed` is called when one has not come in time. */
  constructor(private readonly missed: () => void) {}

  /** Whether some are not here that should be. */
  get isBehind(): boolean {
    return this.newest > this.upTo;
  }

  /** Begin with another conversation, which has numbers of its own. */
  forget(): void {
    this.upTo = this.newest = 0;
    this.early.clear();
  }

  /** Everything comes anew with this number; false if that is older than what is here. */
  restart(seq: number): boolean {
    if (seq < this.upTo) return false;
    this.upTo = seq;
    return true;
  }

  /** Keep a message until its turn; false if it was taken before. */
  add(message: Diff): boolean {
    if (message.seq <= this.upTo) return false;
    this.early.set(message.seq, message);
    return true;
  }

  /** The messages whose turn it is. */
  *inTurn(): Iterable<Diff> {
    for (const seq of this.early.keys()) if (seq <= this.upTo) this.early.delete(seq);
    for (let next = this.early.get(this.upTo + 1); next !== undefined; next = this.early.get(this.upTo + 1)) {
      this.upTo = next.seq;
      this.early.delete(next.seq);
      yield next;
    }
  }

  /** All up to this number should be here, or be here soon. */
  expect(seq: number): void {
    this.newest = Math.max(this.newest, seq);
    if (!this.isBehind || this.patience !== undefined) return;
    this.patience = setTimeout(() => {
      this.patience = undefined;
      if (this.isBehind) this.missed();
    }, LATE_MS);
  }
}
