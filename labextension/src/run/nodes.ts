import { isTerminal } from "./phases";
import { NodePhase, type Node } from "./wire";

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
  /** Some of its inputs. */
  hint: string;
  children: string[];
}

/** A row that has come, for the first time or changed. */
export interface Arrival {
  id: string;
  isNew: boolean;
}

/** The rows that the page has been sent. One whose parent has not come waits for it, and counts as not read. */
export class Nodes {
  root = "";
  readonly byId = new Map<string, TreeNode>();
  /** By the parent that they wait for, and by their own identity. */
  private readonly early = new Map<string, Map<string, Node>>();

  clear(): void {
    this.root = "";
    this.byId.clear();
    this.early.clear();
  }

  /** Take a row; which rows have come with it, each after its parent: none while it waits, several if some waited for it. */
  put(node: Node): Arrival[] {
    const [id, parent] = node;
    if (parent !== "" && !this.byId.has(parent)) {
      this.early.set(parent, (this.early.get(parent) ?? new Map<string, Node>()).set(id, node));
      return [];
    }
    const arrivals = [{ id, isNew: this.take(node) }];
    for (const { id: above } of arrivals) {
      for (const [child, waiting] of this.early.get(above) ?? []) arrivals.push({ id: child, isNew: this.take(waiting) });
      this.early.delete(above);
    }
    return arrivals;
  }

  private take(node: Node): boolean {
    const [id, parent, kind, label, phase, startMs, endMs, attempts, flags, childCount, counts, hint] = node;
    const known = this.byId.get(id);
    if (known !== undefined) {
      Object.assign(known, { label, phase, startMs, endMs, attempts, flags, childCount, counts, hint });
      return false;
    }
    this.byId.set(id, {
      id, parent, kind, label, phase, startMs, endMs, attempts, flags, childCount, counts, hint, children: [],
    });
    if (parent === "") this.root = id;
    else this.byId.get(parent)?.children.push(id);
    return true;
  }

  depth(node: TreeNode): number {
    let depth = 0;
    for (let above = this.byId.get(node.parent); above !== undefined; above = this.byId.get(above.parent)) depth += 1;
    return depth;
  }

  /** Nothing that went on goes on after `endMs`. */
  interrupt(endMs: number): void {
    for (const node of this.byId.values()) {
      node.counts = interruptedCounts(node.counts);
      if (isTerminal(node.phase)) continue;
      node.phase = NodePhase.ABORTED;
      if (node.startMs >= 0) node.endMs = Math.max(node.startMs, endMs);
    }
  }
}

/** How many rows right below a node the page has not been sent. */
export function unreadBelow(node: TreeNode): number {
  return Math.max(0, node.childCount - node.children.length);
}

/** Counts by phase, when all that was going on no longer does. */
export function interruptedCounts(counts: number[]): number[] {
  const over = counts.reduce((sum, one, phase) => (isTerminal(phase) ? sum : sum + one), 0);
  return counts.map((one, phase) => (phase === NodePhase.ABORTED ? one + over : isTerminal(phase) ? one : 0));
}
