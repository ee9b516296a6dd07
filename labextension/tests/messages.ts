import type { Header, Node } from "../src/run/wire";

export function header(changes: Partial<Header> = {}): Header {
  return {
    name: "r1", task: "env.main", phase: 1, started_at_ms: 0, ended_at_ms: -1, counts: [0, 1, 0, 0, 0, 0, 0, 0], resumes: 0, resumed_by: "",
    reruns: [], error: "", owned_here: true, can_resume: false, catching_up: false, interrupted: false, failed_in: [], pauses: [], rerun_of: "", ...changes,
  };
}

export function node(id: string, parent: string, children = 0, phase = 3, label = id, hint = "", endMs = 10): Node {
  return [id, parent, 0, label, phase, 0, endMs, 1, 0, children, [], hint];
}
