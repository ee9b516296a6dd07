const SINGLY = 3;

export type Kind = "success" | "error" | "warning" | "info";

/** Where notifications are shown. */
export interface Board {
  /** Shows one until it is dismissed, or for so long; its identity. */
  emit(text: string, kind: Kind, autoClose: number | false, show: () => void): string;
  update(id: string, text: string): void;
  dismiss(id: string): void;
}

/** Notifications that become one where there are many. */
export class Pile {
  private readonly singly = new Map<string, string>();
  private together = "";

  /** `sum` says it of all of them; `open` shows them. */
  constructor(
    private readonly board: Board, private readonly autoClose: number | false,
    private readonly sum: (count: number) => string, private readonly open: () => void,
  ) {}

  /** One more, of `count` that there are now. */
  add(key: string, [text, kind]: [string, Kind], count: number, show: () => void): void {
    if (count <= SINGLY && this.together === "") {
      this.singly.set(key, this.board.emit(text, kind, this.autoClose, show));
      return;
    }
    this.clear();
    this.together = this.board.emit(this.sum(count), kind, this.autoClose, this.open);
  }

  /** One that nobody needs to be told of any more; `count` are left. */
  remove(key: string, count: number): void {
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
