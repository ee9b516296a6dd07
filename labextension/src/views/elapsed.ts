import { ranMs } from "../run/clock";
import { duration, ticking } from "../run/format";
import { isTerminal } from "../run/phases";
import type { TreeNode } from "../run/nodes";
import type { RunStore } from "../run/store";
import { NodeKind } from "../run/wire";

/** How long an action has taken, or takes until `now`; of the run the header says what the row of its root says. */
export function elapsed(node: TreeNode | undefined, store: RunStore, now: number): string {
  if (node === undefined || node.startMs < 0 || node.kind === NodeKind.GROUP) return "";
  if (node.endMs >= 0) return duration(node.endMs - node.startMs);
  const header = store.header!;
  return isTerminal(header.phase) || isTerminal(node.phase) ? "" : ticking(ranMs(header, now) - node.startMs);
}
