import { isFiltering, type Filter } from "./filter";
import { unreadBelow, type TreeNode } from "./nodes";
import type { RunStore } from "./store";
import { NodeKind } from "./wire";

/** A row that can be seen: a node, how deep it is, and where it stands among its siblings. */
export interface Row {
  key: string;
  node: TreeNode;
  /** If any, it stands for so many rows below the node that the page does not have. */
  unread: number;
  depth: number;
  position: number;
  siblings: number;
  expanded: boolean;
  /** Whether it is what the reader looks for, and not only above that. */
  matches: boolean;
}

/** The rows to show: opened branches; or, under a filter, all that match and what is above them. */
export function visibleRows(store: RunStore, filter: Filter): Row[] {
  const rows: Row[] = [];
  const root = store.nodes.get(store.root);
  if (root === undefined) return rows;
  const matching = isFiltering(filter) ? matchesOf(store, filter) : null;
  const kept = matching && withThoseAbove(store, root, matching);
  const pending: Row[] = [row(root, 0, 1, 1)];
  while (pending.length > 0) {
    const next = pending.pop()!;
    rows.push(next);
    if (!next.expanded) continue;
    const children = next.node.children.filter((id) => kept === null || kept.has(id));
    const unread = kept === null ? unreadBelow(next.node) : 0;
    const siblings = children.length + (unread > 0 ? 1 : 0);
    if (unread > 0)
      pending.push({ key: `${next.key} unread`, node: next.node, unread, depth: next.depth + 1, position: siblings, siblings, expanded: false, matches: false });
    for (let index = children.length - 1; index >= 0; index -= 1) {
      const child = store.nodes.get(children[index]!);
      if (child !== undefined) pending.push(row(child, next.depth + 1, index + 1, siblings));
    }
  }
  return rows;

  function row(node: TreeNode, depth: number, position: number, siblings: number): Row {
    const branch = node.childCount > 0 || node.children.length > 0;
    const expanded = branch && (kept === null ? store.expanded.has(node.id) : true);
    return { key: node.id, node, unread: 0, depth, position, siblings, expanded, matches: matching === null || matching.has(node) };
  }
}

/** The actions that the reader looks for, at most so many; null if that is all of them. */
export function actionsLookedFor(store: RunStore, filter: Filter, most: number): string[] | null {
  if (!isFiltering(filter)) return null;
  const found: string[] = [];
  for (const node of matchesOf(store, filter)) {
    if (found.length >= most) break;
    if (node.kind === NodeKind.ACTION) found.push(node.id);
  }
  return found;
}

function matchesOf(store: RunStore, filter: Filter): Set<TreeNode> {
  const text = filter.text.trim().toLowerCase();
  const found = new Set<TreeNode>();
  for (const node of store.nodes.values()) {
    if (text !== "" && ![node.label, node.hint, node.id].some((one) => one.toLowerCase().includes(text))) continue;
    if (filter.phases.size === 0 || (node.kind === NodeKind.ACTION && filter.phases.has(node.phase))) found.add(node); // what the counts of phases count
  }
  return found;
}

function withThoseAbove(store: RunStore, root: TreeNode, nodes: ReadonlySet<TreeNode>): Set<string> {
  const kept = new Set<string>([root.id]);
  for (const node of nodes)
    for (let one: TreeNode | undefined = node; one !== undefined && !kept.has(one.id); one = store.nodes.get(one.parent))
      kept.add(one.id);
  return kept;
}
