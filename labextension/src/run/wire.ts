// Generated from flyte_nb/_view/wire.py by `make frontend`. Do not edit.

export const NodeKind = {
  ACTION: 0,
  GROUP: 1,
  TRACE: 2,
} as const;

export const NodePhase = {
  QUEUED: 0,
  RUNNING: 1,
  PAUSED: 2,
  SUCCEEDED: 3,
  RECOVERED: 4,
  FAILED: 5,
  TIMED_OUT: 6,
  ABORTED: 7,
} as const;

export const Flag = {
  CACHE_HIT: 1,
  RESUMED: 2,
  REPORT: 4,
  LINKS: 8,
  PROMPT: 16,
  STALLED: 32,
  RERUN: 64,
} as const;

export type Node = [
  id: string,
  parent: string,
  kind: number,
  label: string,
  phase: number,
  start_ms: number,
  end_ms: number,
  attempts: number,
  flags: number,
  children: number,
  counts: number[],
  hint: string,
];

export interface Header {
  name: string;
  task: string;
  phase: number;
  started_at_ms: number;
  ended_at_ms: number;
  counts: number[];
  resumes: number;
  reruns: string[];
  error: string;
  owned_here: boolean;
  can_resume: boolean;
  catching_up: boolean;
  resumed_by: string;
  interrupted: boolean;
  failed_in: string[];
  pauses: number[][];
  rerun_of: string;
}

export interface Frame {
  shape: string;
  columns: string[][];
  rows: string[][];
}

export interface Variable {
  name: string;
  text: string;
  truncated: boolean;
  frame: Frame | null;
}

export interface Failure {
  code: string;
  message: string;
  traceback: string;
}

export interface Attempt {
  number: number;
  start_ms: number;
  end_ms: number;
  failure: Failure | null;
}

export interface LinkButton {
  name: string;
  address: string;
  problem: string;
}

export interface Prompt {
  action: string;
  prompt: string;
  name: string;
  kind: string;
  html: string;
  expires_at_ms: number;
  answer: string;
  answered_by: string;
  answered_at_ms: number;
  standing: string;
}

export type LogPiece = [
  at_ms: number,
  stream: string,
  text: string,
  number: number,
];

export type Span = [
  action: string,
  label: string,
  depth: number,
  start_ms: number,
  end_ms: number,
  phase: number,
];

export interface Reset {
  type: "reset";
  seq: number;
  at_ms: number;
  header: Header;
  nodes: Node[];
  open: string[];
  heard: boolean;
}

export interface Diff {
  type: "diff";
  seq: number;
  nodes: Node[];
  header: Header | null;
  prompts: Prompt[];
}

export interface Heartbeat {
  type: "heartbeat";
  seq: number;
  at_ms: number;
}

export interface Details {
  type: "details";
  action: string;
  task: string;
  placement: string;
  context: Variable[];
  inputs: Variable[];
  outputs: Variable[];
  attempts: Attempt[];
  links: LinkButton[];
  tabs: string[];
  notes: string[];
  failure: Failure | null;
  can_abort: boolean;
}

export interface Logs {
  type: "logs";
  action: string;
  after: number;
  up_to: number;
  pieces: LogPiece[];
  cut: boolean;
}

export interface EarlierLogs {
  type: "earlier_logs";
  action: string;
  before: number;
  pieces: LogPiece[];
  cut: boolean;
}

export interface ReportChunk {
  type: "report";
  action: string;
  tab: string;
  edition: number;
  first: number;
  pieces: string[];
}

export interface TimelineSpans {
  type: "timeline";
  spans: Span[];
  left_out: number;
}

export interface Notice {
  type: "notice";
  level: string;
  text: string;
  about: string;
}

export interface Hello {
  type: "hello";
  open: string[];
}

export interface Open {
  type: "open";
  id: string;
  all: boolean;
}

export interface Close {
  type: "close";
  id: string;
}

export interface Select {
  type: "select";
  action: string;
}

export interface AskTimeline {
  type: "ask_timeline";
  actions: string[] | null;
}

export interface AskEarlierLogs {
  type: "ask_earlier_logs";
  action: string;
  before: number;
}

export interface Abort {
  type: "abort";
  action: string;
}

export interface Resume {
  type: "resume";
}

export interface Rerun {
  type: "rerun";
}

export interface Answer {
  type: "answer";
  prompt: string;
  value: string;
}

export interface Look {
  type: "look";
  uses: boolean;
}

export interface Leave {
  type: "leave";
}

export type ToPage = Reset | Diff | Heartbeat | Details | Logs | EarlierLogs | ReportChunk | TimelineSpans | Notice;

export type FromPage = Hello | Open | Close | Select | AskTimeline | AskEarlierLogs | Abort | Resume | Rerun | Answer | Look | Leave;

/** How a phase looks, by its number. */
export const PHASES: readonly { sign: string; word: string; name: string }[] = [
  { sign: "○", word: "queued", name: "queued" },
  { sign: "◐", word: "running", name: "running" },
  { sign: "❚❚", word: "waits for an answer", name: "paused" },
  { sign: "✓", word: "succeeded", name: "succeeded" },
  { sign: "✓", word: "recovered", name: "recovered" },
  { sign: "✗", word: "failed", name: "failed" },
  { sign: "✗", word: "timed out", name: "timed-out" },
  { sign: "⊘", word: "aborted", name: "aborted" },
];

/** What it means that an action is `STALLED`. */
export const STALLED = "this task blocked the event loop for 1.0 s or more, and no other async task could run meanwhile: make it a plain `def`, or run it with mode='process'.";
