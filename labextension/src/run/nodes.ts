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

/** The rows that the page has been sent. */
export class Nodes {
  root = "";
  readonly byId = new Map<string, TreeNode>();

  clear(): void {
    this.root = "";
    this.byId.clear();
  }

  /** Take a row, new or changed; whether it is new. */
  put(node: Node): boolean {
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
