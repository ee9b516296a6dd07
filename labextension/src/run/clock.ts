import type { Header } from "./wire";

type Times = Pick<Header, "started_at_ms" | "pauses">;

/** For how long a run that goes on has run at that moment: pauses, in which nobody drove it, do not count. */
export function ranMs(header: Times, at: number): number {
  return header.pauses.reduce((ran, pause) => ran - pause[1]!, at - header.started_at_ms);
}

/** When a run had run for so long. */
export function momentOf(header: Times, ran: number): number {
  return header.pauses.reduce((at, pause) => (pause[0]! <= ran ? at + pause[1]! : at), header.started_at_ms + ran);
}
