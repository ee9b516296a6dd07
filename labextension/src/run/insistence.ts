const AT_MOST_MS = 60_000;

/** Asks again for what does not come, after a while and then ever less often: any message may be lost. */
export class Insistence {
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly ask: () => void, private readonly firstMs: number) {}

  /** Whether it waits for what was asked for. */
  get waits(): boolean {
    return this.timer !== undefined;
  }

  /** It was asked for just now; goes on as before if it was asked for already. */
  begin(): void {
    if (!this.waits) this.askAfter(this.firstMs);
  }

  /** It has come, or is needed no more. */
  end(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private askAfter(milliseconds: number): void {
    this.timer = setTimeout(() => {
      this.askAfter(Math.min(2 * milliseconds, AT_MOST_MS));
      this.ask();
    }, milliseconds);
  }
}
