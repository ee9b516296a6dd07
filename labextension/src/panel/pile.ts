const SINGLY = 3;
/** What comes at once is told at once: a notification that is taken back while it appears is seen all the same. */
const WAIT_MS = 300;

export type Kind = "success" | "error" | "warning" | "info";

/** Where notifications are shown. */
export interface Board {
  /** Shows one until it is dismissed, or for so long; its identity. */
  emit(text: string, kind: Kind, autoClose: number | false, show: () => void): string;
  /** Whether it was still there. */
  update(id: string, text: string): boolean;
  dismiss(id: string): void;
}

/** Notifications that become one where there are many. */
export class Pile {
  private readonly singly = new Map<string, string>();
  private readonly coming = new Map<string, () => void>();
  private together = "";
  private kind: Kind = "info";
  private count = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `sum` says it of all of them; `open` shows them. */
  constructor(
    private readonly board: Board, private readonly autoClose: number | false,
    private readonly sum: (count: number) => string, private readonly open: () => void,
  ) {}

  /** One more, of `count` that there are now. */
  add(key: string, [text, kind]: [string, Kind], count: number, show: () => void): void {
    this.coming.set(key, () => this.singly.set(key, this.board.emit(text, kind, this.autoClose, show)));
    this.count = count;
    this.kind = kind;
    this.timer ??= setTimeout(() => this.tell(), WAIT_MS);
  }

  private tell(): void {
    this.timer = undefined;
    const coming = [...this.coming.values()];
    this.coming.clear();
    if (coming.length === 0) return;
    if (this.together !== "" && this.board.update(this.together, this.sum(this.count))) return;
    this.together = "";
    if (this.count <= SINGLY) for (const emit of coming) emit();
    else {
      this.clear();
      this.together = this.board.emit(this.sum(this.count), this.kind, this.autoClose, this.open);
    }
  }

  /** One that nobody needs to be told of any more; `count` are left. */
  remove(key: string, count: number): void {
    this.coming.delete(key);
    this.count = count;
    const single = this.singly.get(key);
    if (single !== undefined) this.board.dismiss(single);
    this.singly.delete(key);
    if (this.together === "") return;
    if (count === 0) this.clear();
    else this.board.update(this.together, this.sum(count));
  }

  /** What comes next is told singly. */
  forget(): void {
    this.singly.clear();
    this.together = "";
  }

  private clear(): void {
    for (const one of [...this.singly.values(), this.together]) if (one !== "") this.board.dismiss(one);
    this.forget();
  }
}
