import DOMPurify from "dompurify";
import { useEffect, useRef, useState } from "preact/hooks";
import { clock, duration, safeAddress } from "../run/format";
import { opensRuns } from "../run/opening";
import { answerText, isKept, whyUnanswered } from "../run/questions";
import type { RunStore } from "../run/store";
import type { Notice, Prompt } from "../run/wire";
import { useNow } from "./use_store";

const ANSWER_WITHIN_MS = 5_000;

/** Where an answer goes, and what became of it. */
export interface Answering {
  readonly outcomes: ReadonlyMap<string, Notice>;
  answer(prompt: string, value: string): void;
  /** What time it is where the question expires. */
  timeThere(now: number): number;
}

let forms = 0;

/** A question of the run on this page; where its kernel is gone, how to answer it all the same. */
export function Question(props: { store: RunStore; prompt: Prompt }) {
  const { store, prompt } = props;
  const waits = store.lost && prompt.answer === "";
  const now = store.timeThere(useNow(waits));
  if (!waits) return <PromptForm store={store} prompt={prompt} canResume={store.header?.can_resume} />;
  const why = whyUnanswered(prompt, now, true);
  if (why !== "") return <Unanswered name={prompt.name} why={why} />;
  if (store.openQuestions?.has(prompt.prompt) === false) return <Unanswered name={prompt.name} why="answered; the run takes the answer when it is resumed" />;
  return (
    <div class="fnb-prompt fnb-quiet">
      Question <strong>{prompt.name}</strong>: the kernel that asked is gone, and an answer is kept until the run is resumed. It is given{" "}
      {opensRuns() && "in the panel with the runs, "}in a terminal by <code>flyte-nb answer {store.name} {wordOfShell(prompt.name)} VALUE</code>, or in a cell, after{" "}
      <code>%load_ext flyte_nb</code>, by <code>%flyte_answer {store.name} {/\s/.test(prompt.name) ? JSON.stringify(prompt.name) : prompt.name} VALUE</code>
    </div>
  );
}

function wordOfShell(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}

/**
 * A question with the input that fits its type; what is wrong with an answer is said beside the field.
 *
 * One whose action was stopped takes an answer for the next try, where the run can be resumed.
 */
export function PromptForm(props: { store: Answering; prompt: Prompt; canResume?: boolean }) {
  const { store, prompt, canResume = false } = props;
  const open = prompt.answer === "";
  const now = store.timeThere(useNow(open));
  const [value, setValue] = useState("");
  const [sent, setSent] = useState(false);
  const field = useRef(`fnb-prompt-${(forms += 1)}`).current;
  const outcome = store.outcomes.get(prompt.prompt);
  const wrong = outcome?.level === "error";
  const left = prompt.expires_at_ms - now;
  const answer = (text: string) => {
    setSent(true);
    store.answer(prompt.prompt, text);
  };
  useEffect(() => {
    if (!sent) return;
    const timer = setTimeout(() => setSent(false), outcome === undefined ? ANSWER_WITHIN_MS : 0);
    return () => clearTimeout(timer);
  }, [sent, outcome]);
  if (!open) return <Answered prompt={prompt} />;
  const stopped = prompt.standing === "stopped";
  const why = whyUnanswered(prompt, now, canResume);
  if (why !== "") return <Unanswered name={prompt.name} why={why} />;
  if (stopped && isKept(outcome)) return <Unanswered name={prompt.name} why={outcome!.text} />;
  const waiting = sent && outcome === undefined;
  return (
    <form class="fnb-prompt" aria-label={`Question ${prompt.name}`}
      onSubmit={(event) => { event.preventDefault(); answer(value); }}>
      <div class="fnb-prompt-head">
        <strong>{prompt.name}</strong>
        <span class="fnb-quiet">
          {stopped && "the run was stopped; an answer is kept until it is resumed · "}{duration(left)} left
        </span>
      </div>
      <PromptText html={prompt.html} />
      <div class="fnb-prompt-field">
        {prompt.kind === "bool" ? (
          <>
            <button type="button" class="fnb-button fnb-primary" disabled={waiting} onClick={() => answer("true")}>Yes</button>
            <button type="button" class="fnb-button" disabled={waiting} onClick={() => answer("false")}>No</button>
          </>
        ) : (
          <>
            <Field kind={prompt.kind} id={field} value={value} onInput={setValue} onEnter={answer}
              label={`Answer to ${prompt.name}`} wrong={wrong} />
            <button type="submit" class="fnb-button fnb-primary" disabled={waiting}>Answer</button>
          </>
        )}
        <span id={`${field}-problem`} class={wrong ? "fnb-problem" : "fnb-quiet"} role="alert">{outcome?.text ?? ""}</span>
      </div>
    </form>
  );
}

function Field(props: {
  kind: string; id: string; value: string; label: string; wrong: boolean;
  onInput: (value: string) => void; onEnter: (value: string) => void;
}) {
  const multiline = props.kind === "str";
  const common = {
    id: props.id,
    class: "fnb-field",
    value: props.value,
    "aria-label": props.label,
    "aria-invalid": props.wrong,
    "aria-describedby": `${props.id}-problem`,
    // A notebook takes Enter for itself, so the form would never hear of it.
    onKeyDown: (event: KeyboardEvent & { currentTarget: HTMLInputElement | HTMLTextAreaElement }) => {
      event.stopPropagation();
      if (event.key !== "Enter" || event.isComposing || (multiline && !event.ctrlKey && !event.metaKey)) return;
      event.preventDefault();
      props.onEnter(event.currentTarget.value);
    },
  };
  if (multiline)
    return <textarea {...common} rows={2} placeholder="Ctrl+Enter answers" onInput={(event) => props.onInput(event.currentTarget.value)} />;
  return (
    <input {...common} type="text" inputMode={props.kind === "int" ? "numeric" : "decimal"} autocomplete="off"
      placeholder={props.kind === "int" ? "a whole number" : "a number"}
      onInput={(event) => props.onInput(event.currentTarget.value)} />
  );
}

function Unanswered({ name, why }: { name: string; why: string }) {
  return <div class="fnb-prompt fnb-answered"><strong>{name}</strong>: <span class="fnb-quiet">{why}</span></div>;
}

function Answered({ prompt }: { prompt: Prompt }) {
  return (
    <div class="fnb-prompt fnb-answered">
      <strong>{prompt.name}</strong>: <code>{answerText(prompt)}</code>{" "}
      <span class="fnb-quiet">
        answered{prompt.answered_by !== "" && ` by ${prompt.answered_by}`}
        {prompt.answered_at_ms >= 0 && ` at ${clock(prompt.answered_at_ms)}`}
      </span>
    </div>
  );
}

function PromptText({ html }: { html: string }) {
  return <div class="fnb-prompt-text" dangerouslySetInnerHTML={{ __html: harmless(html) }} />;
}

/** The prompt was made safe where it was rendered; a page trusts nobody and does it again. */
export function harmless(html: string): string {
  const fragment = DOMPurify.sanitize(html, {
    ALLOWED_TAGS: [
      "p", "br", "hr", "em", "strong", "del", "code", "pre", "blockquote", "ul", "ol", "li", "a", "h1", "h2", "h3", "h4",
      "h5", "h6", "table", "thead", "tbody", "tr", "th", "td",
    ],
    ALLOWED_ATTR: ["href"],
    RETURN_DOM_FRAGMENT: true,
  });
  for (const link of fragment.querySelectorAll("a")) {
    if (safeAddress(link.getAttribute("href") ?? "") === null) link.removeAttribute("href");
    link.setAttribute("target", "_blank");
    link.setAttribute("rel", "noopener noreferrer");
  }
  const holder = document.createElement("div");
  holder.append(fragment);
  return holder.innerHTML;
}
