import type { FromPage } from "./wire";

const ANSWERED: ReadonlySet<FromPage["type"]> = new Set(["hello", "select", "ask_timeline", "ask_earlier_logs", "abort", "answer"]);
const SILENCE_MS = 6_000;
const SURE_FOR_MS = 2_000;
const KEPT_DISTANCES = 30;

/** What is known of whoever tells of the run: when it was heard last, and whether it owes an answer. */
export class Contact {
  heardAt = Date.now();
  /** Since when the page waits for an answer; 0 if it does not. */
  askedAt = 0;
  /** Whether it is gone for good. */
  lost = false;
  /** Since when something is missing of what it has told; 0 if nothing is. */
  private missingSince = 0;
  /** By how much this page's clock was ahead when messages came, the way of the message included. */
  private distances: number[] = [];

  /** It has not been asked for a while, and so has not been silent. */
  begin(): void {
    this.heardAt = Date.now();
  }

  heard(): void {
    this.heardAt = Date.now();
    this.askedAt = 0;
  }

  /** A message says what time it was where it comes from. */
  tellsTime(atMs: number): void {
    this.distances = [...this.distances, Date.now() - atMs].slice(-KEPT_DISTANCES);
  }

  /** What time it is there when it is `now` here: clocks of two machines may differ by minutes. The message that was fastest knows best. */
  timeThere(now: number): number {
    return this.distances.length === 0 ? now : now - Math.min(...this.distances);
  }

  missed(): void {
    this.missingSince ||= Date.now();
  }

  caughtUp(): void {
    this.missingSince = 0;
  }

  said(message: FromPage): void {
    if (ANSWERED.has(message.type)) this.askedAt ||= Date.now();
  }

  lose(): void {
    this.lost = true;
    this.askedAt = 0;
  }

  /** Since when nothing of use came although something should have, because the run goes on or because it was asked; 0 if that is not so. */
  silentSince(now: number, running: boolean): number {
    const since = this.missingSince || (running ? this.heardAt : this.askedAt);
    return since > 0 && now - since >= SILENCE_MS ? since : 0;
  }

  /** Until when it is known how the run stands, by the time there: it is heard every second, and clocks go on no further than a little after that. */
  knownUntil(now: number): number {
    return this.timeThere(Math.min(now, (this.missingSince || this.heardAt) + SURE_FOR_MS));
  }
}
