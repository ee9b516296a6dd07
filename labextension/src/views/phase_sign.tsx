import { look } from "../run/phases";

/** The sign of a phase, in its colour; read out as a word. */
export function PhaseSign({ phase }: { phase: number }) {
  const { sign, word, name } = look(phase);
  return (
    <span class={`fnb-sign fnb-${name}`} role="img" aria-label={word} title={word}>
      {sign}
    </span>
  );
}
