import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { look, PHASES } from "../run/phases";
import type { Row } from "../run/rows";
import type { TreeNode } from "../run/nodes";
import type { Pane } from "../run/selection";
import type { RunStore } from "../run/store";
import { Flag, NodeKind, STALLED } from "../run/wire";
import { elapsed } from "./elapsed";
import { Name } from "./name";
import { PhaseSign } from "./phase_sign";
import { Unread } from "./reading";

export const ROW_HEIGHT = 24;
export const ROWS_IN_A_CELL = 16;
const OVERSCAN = 8;

let trees = 0;

/** The tree of actions. Only the rows that can be seen are in the page, whatever the size of the run. */
export function RunTree(props: { store: RunStore; rows: Row[]; now: number; onSelect: (action: string, pane?: Pane) => void; atMost: number }) {
  const { store, rows } = props;
  const prefix = useMemo(() => `fnb-tree-${(trees += 1)}`, []);
  const scroller = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [active, setActive] = useState("");
  const height = Math.min(props.atMost, Math.max(1, rows.length)) * ROW_HEIGHT;
  const first = Math.max(0, Math.min(Math.floor(top / ROW_HEIGHT), rows.length - 1) - OVERSCAN);
  const last = Math.min(rows.length, Math.ceil((top + height) / ROW_HEIGHT) + OVERSCAN);
  const shown = rows.slice(first, last);
  const activeIndex = Math.max(0, rows.findIndex((row) => row.key === active));
  const activeIsDrawn = activeIndex >= first && activeIndex < last;

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element !== null && element.scrollTop !== top && element.scrollTop > rows.length * ROW_HEIGHT - height)
      setTop(element.scrollTop);
  });

  const goTo = (index: number) => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, index))];
    if (row === undefined) return;
    setActive(row.key);
    const element = scroller.current;
    if (element === null) return;
    const y = rows.indexOf(row) * ROW_HEIGHT;
    if (y < element.scrollTop) element.scrollTop = y;
    else if (y + ROW_HEIGHT > element.scrollTop + height) element.scrollTop = y + ROW_HEIGHT - height;
    setTop(element.scrollTop);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const row = rows[activeIndex];
    if (row === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    const page = Math.floor(height / ROW_HEIGHT);
    const moves: Record<string, () => void> = {
      ArrowDown: () => goTo(activeIndex + 1),
      ArrowUp: () => goTo(activeIndex - 1),
      PageDown: () => goTo(activeIndex + page),
      PageUp: () => goTo(activeIndex - page),
      Home: () => goTo(0),
      End: () => goTo(rows.length - 1),
      ArrowRight: () => (isBranch(row) && !row.expanded ? store.expand(row.node.id) : goTo(activeIndex + 1)),
      ArrowLeft: () => {
        if (row.expanded) store.collapse(row.node.id);
        else goTo(rows.findIndex((other) => other.key === (row.unread > 0 ? row.node.id : row.node.parent)));
      },
      Enter: () => choose(row),
      " ": () => choose(row),
      Escape: () => props.onSelect(""),
    };
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    move();
  };

  const choose = (row: Row) => {
    if (row.unread > 0) return;
    if (row.node.kind === NodeKind.GROUP) toggle(store, row);
    else props.onSelect(row.node.id);
  };

  return (
    <div class="fnb-tree" role="tree" aria-label="Actions" tabIndex={0} ref={scroller} style={{ height: `${height}px` }}
      aria-activedescendant={activeIsDrawn && shown.length > 0 ? `${prefix}-${activeIndex}` : undefined}
      onKeyDown={onKeyDown} onScroll={(event) => setTop(event.currentTarget.scrollTop)}>
      <div role="presentation" class="fnb-canvas" style={{ height: `${rows.length * ROW_HEIGHT}px` }}>
        {shown.map((row, offset) => (
          <TreeRow key={row.key} store={store} row={row} id={`${prefix}-${first + offset}`} y={(first + offset) * ROW_HEIGHT}
            active={first + offset === activeIndex} selected={row.unread === 0 && store.reader.selection?.action === row.node.id}
            elapsed={elapsed(row.node, store, props.now)}
            onToggle={() => { setActive(row.key); toggle(store, row); }}
            onChoose={() => { setActive(row.key); choose(row); }}
            onReport={() => { setActive(row.key); props.onSelect(row.node.id, "report"); }} />
        ))}
      </div>
    </div>
  );
}

function toggle(store: RunStore, row: Row): void {
  if (row.expanded) store.collapse(row.node.id);
  else store.expand(row.node.id);
}

function isBranch(row: Row): boolean {
  return row.unread === 0 && row.node.childCount > 0;
}

interface TreeRowProps {
  store: RunStore;
  row: Row;
  id: string;
  y: number;
  active: boolean;
  selected: boolean;
  elapsed: string;
  onToggle: () => void;
  onChoose: () => void;
  onReport: () => void;
}

function TreeRow(props: TreeRowProps) {
  const { row } = props;
  const branch = isBranch(row);
  const classes = `fnb-row${props.active ? " fnb-active" : ""}${props.selected ? " fnb-selected" : ""}`;
  return (
    <div class={classes} role="treeitem" id={props.id} aria-level={row.depth + 1} aria-posinset={row.position}
      aria-setsize={row.siblings} aria-expanded={branch ? row.expanded : undefined} aria-selected={props.selected}
      style={{ transform: `translateY(${props.y}px)`, "--fnb-depth": row.depth }} onClick={props.onChoose}>
      {row.unread > 0 ? <Unread store={props.store} rows={row.unread} /> : <Columns {...props} branch={branch} />}
    </div>
  );
}

/** What a row of a node says. */
function Columns(props: TreeRowProps & { branch: boolean }) {
  const { row, branch } = props;
  const { node } = row;
  return (
    <>
      <span class="fnb-twisty" aria-hidden="true"
        onClick={(event) => { if (branch) { event.stopPropagation(); props.onToggle(); } }}>
        {branch ? (row.expanded ? "▾" : "▸") : ""}
      </span>
      <PhaseSign phase={node.phase} />
      <span class={`fnb-named${node.kind === NodeKind.GROUP ? " fnb-group" : ""}`} title={node.label}>
        <Name text={node.label} quiet={node.kind === NodeKind.TRACE ? "trace " : ""} />
      </span>
      {(node.flags & Flag.REPORT) !== 0 && (
        <span class="fnb-mark fnb-clickable" onClick={(event) => { event.stopPropagation(); props.onReport(); }}>
          report
        </span>
      )}
      {node.hint !== "" && <span class="fnb-hint fnb-whole-parts" title={node.hint}>{` ${node.hint}`.split(/(?=, )/).map((part) => <span key={part}>{part}</span>)}</span>}
      <span class="fnb-marks fnb-whole-parts">
        {marks(node).map(([word, title]) => <span key={word} class="fnb-mark" title={title}>{word}</span>)}
      </span>
      <span class="fnb-space" />
      <Counts node={node} />
      <span class="fnb-time">{props.elapsed}</span>
    </>
  );
}

/** Words about an action, with what they mean. */
function marks({ flags, attempts }: TreeNode): [string, string][] {
  const found: [string, string][] = [];
  if (flags & Flag.PROMPT) found.push(["question", "It waits for the answer of a person."]);
  if (flags & Flag.CACHE_HIT) found.push(["from the cache", "Its result was taken from the cache; it did not run."]);
  if (flags & Flag.RESUMED) found.push(["from an earlier try", "It was completed in an earlier try of this run and did not run again."]);
  if (flags & Flag.RERUN) found.push(["ran again", "Something it depends on has changed since the last try; its details say what."]);
  if (attempts > 1) found.push([`${attempts} attempts`, "It was tried again after a failure."]);
  if (flags & Flag.LINKS) found.push(["links", "Its details have links."]);
  if (flags & Flag.STALLED) found.push(["blocked the loop", STALLED]);
  return found;
}

function Counts({ node }: { node: TreeNode }) {
  const total = node.counts.reduce((sum, one) => sum + one, 0);
  if (total === 0) return null;
  return (
    <span class="fnb-row-counts">
      {PHASES.map(({ sign, word, name }, phase) => {
        const number = node.counts[phase] ?? 0;
        return number === 0 ? null : (
          <span key={phase} title={`${number.toLocaleString("en")} ${word}`}>
            <span class={`fnb-${name}`} aria-label={look(phase).word} role="img">{sign}</span>
            {number.toLocaleString("en")}
          </span>
        );
      })}
    </span>
  );
}
