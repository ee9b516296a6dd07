import { ranMs } from "./clock";
import { interruptedCounts, Nodes } from "./nodes";
import { isTerminal } from "./phases";
import { NodeKind, NodePhase } from "./wire";
import type { Header, Prompt, Span, TimelineSpans } from "./wire";

/** What has come of a run, as far as the page was sent it. */
export class KnownRun {
  header: Header | null = null;
  timeline: TimelineSpans | null = null;
  readonly prompts = new Map<string, Prompt>();
  readonly tree = new Nodes();

  /** Whether the run goes on, as far as is known. */
  get running(): boolean {
    return this.header !== null && !isTerminal(this.header.phase);
  }

  /** How many actions of the run the page has not been sent. */
  get unread(): number {
    const all = this.header?.counts.reduce((sum, one) => sum + one, 0) ?? 0;
    let read = 0;
    for (const node of this.tree.byId.values()) if (node.kind === NodeKind.ACTION) read += 1;
    return Math.max(0, all - read);
  }

  /** Whether an action, or with an empty name the run, does not go on. */
  hasEnded(action: string): boolean {
    const phase = action === "" ? this.header?.phase : this.tree.byId.get(action)?.phase;
    return isTerminal(phase ?? 0) || isTerminal(this.header?.phase ?? 0);
  }

  /** Nobody drives the run since then: nothing of it goes on. */
  interrupt(endedAt: number): void {
    const header = this.header!;
    const endMs = ranMs(header, endedAt);
    this.tree.interrupt(endMs);
    if (this.timeline !== null) this.timeline = interruptedTimeline(this.timeline, endMs);
    this.header = { ...header, phase: NodePhase.ABORTED, interrupted: true, ended_at_ms: endedAt, counts: interruptedCounts(header.counts) };
  }
}

/** The bars, none of which goes on after `endMs`. */
function interruptedTimeline(timeline: TimelineSpans, endMs: number): TimelineSpans {
  const spans = timeline.spans.map((span): Span => {
    const [action, label, depth, startMs, , phase] = span;
    return isTerminal(phase) ? span : [action, label, depth, startMs, Math.max(startMs, endMs), NodePhase.ABORTED];
  });
  return { ...timeline, spans };
}
