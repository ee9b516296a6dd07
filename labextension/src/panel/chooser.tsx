import { useEffect, useState } from "preact/hooks";
import { EVERYTHING, GROUPS, isChoosing, type Choice } from "./choice";
import { IconButton } from "./icons";
import type { RunsStore } from "./runs_store";

const SEARCH_AFTER_MS = 120;

/** The search field, and behind a button the filters by phase, task and notebook. */
export function Chooser({ store }: { store: RunsStore }) {
  const { choice, facets } = store;
  const [text, setText] = useState(choice.text);
  const filters = choice.groups.length + Number(choice.task !== "") + Number(choice.source !== "");
  const [open, setOpen] = useState(filters > 0);
  useEffect(() => {
    if (text === store.choice.text) return;
    const timer = setTimeout(() => store.choose({ ...store.choice, text }), SEARCH_AFTER_MS);
    return () => clearTimeout(timer);
  }, [text]);
  useEffect(() => setText(choice.text), [choice.text]);
  const change = (changes: Partial<Choice>) => store.choose({ ...store.choice, ...changes });
  const toggle = (name: string) =>
    change({ groups: choice.groups.includes(name) ? choice.groups.filter((one) => one !== name) : [...choice.groups, name] });
  return (
    <div class="fnb-chooser">
      <div class="fnb-search">
        <input class="fnb-field" type="search" placeholder="Search runs" aria-label="Search runs" value={text}
          onInput={(event) => setText(event.currentTarget.value.trim())} onKeyDown={(event) => event.stopPropagation()} />
        <IconButton icon="filter" label={filters > 0 ? `Filters, ${filters} set` : "Filters"} pressed={open} onClick={() => setOpen(!open)} />
      </div>
      {open && (
        <div class="fnb-filters">
          <div class="fnb-counts" role="group" aria-label="Phases">
            {GROUPS.map(({ name }) => (
              <button type="button" key={name} class="fnb-chip fnb-word" aria-pressed={choice.groups.includes(name)} onClick={() => toggle(name)}>
                {name}
              </button>
            ))}
          </div>
          <Choose label="Task" every="All tasks" value={choice.task} options={facets.tasks} onChoose={(task) => change({ task })} />
          <Choose label="Notebook or file" every="All notebooks and files" value={choice.source} options={facets.sources}
            onChoose={(source) => change({ source })} />
        </div>
      )}
      {isChoosing(choice) && (
        <div class="fnb-found">
          <span class="fnb-quiet" role="status">{store.total.toLocaleString("en")} found</span>
          <button type="button" class="fnb-button fnb-plain" onClick={() => { setText(""); store.choose(EVERYTHING); }}>Show all</button>
        </div>
      )}
    </div>
  );
}

function Choose(props: { label: string; every: string; value: string; options: string[]; onChoose: (value: string) => void }) {
  const { value, options } = props;
  const all = value === "" || options.includes(value) ? options : [value, ...options];
  return (
    <select class="fnb-field" aria-label={props.label} value={value} onChange={(event) => props.onChoose(event.currentTarget.value)}>
      <option value="">{props.every}</option>
      {all.map((option) => <option key={option} value={option}>{option}</option>)}
    </select>
  );
}
