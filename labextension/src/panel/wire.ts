// Generated from flyte_nb/_server/listing.py by `make frontend`. Do not edit.

import type { Notice, Prompt } from "../run/wire";

export interface RunFilter {
  phases: string[];
  task: string;
  source: string;
  text: string;
}

export interface RunLine {
  name: string;
  task: string;
  phase: string;
  created_at: number;
  ended_at: number | null;
  source: string;
  labels: Record<string, string>;
  rerun_of: string;
  host: string;
  interrupted: boolean;
  can_resume: boolean;
  paused_s: number;
}

export interface Waiting {
  run: string;
  task: string;
  source: string;
  question: Prompt;
}

export interface SavedPicture {
  created_at: number;
  is_final: boolean;
  html: string;
  text: string;
}

export type Day = [
  number: number,
  runs: number,
];

export interface RunList {
  type: "runs";
  total: number;
  offset: number;
  runs: RunLine[];
  days: Day[];
}

export interface Running {
  type: "running";
  runs: RunLine[];
}

export interface Inbox {
  type: "inbox";
  waiting: Waiting[];
  at_ms: number;
}

export interface Facets {
  type: "facets";
  tasks: string[];
  sources: string[];
}

export interface Trouble {
  type: "trouble";
  text: string;
}

export interface Wanted {
  type: "list";
  chosen: RunFilter;
  offset: number;
  limit: number;
  utc_offset_s: number;
  every_ms: number;
}

export type ListNews = RunList | Running | Inbox | Facets | Trouble | Notice;
