import { useState } from "preact/hooks";
import type { Doors } from "./doors";
import { IconButton } from "./icons";
import type { RunsStore } from "./runs_store";
import { hasEnded } from "./state_of";
import type { RunLine } from "./wire";

/** What can be done with a run; while one is under way, no other. */
export function RunActions(props: { run: RunLine; store: RunsStore; doors: Doors; tabIndex: number }) {
  const { run, store, doors, tabIndex } = props;
  const [busy, setBusy] = useState(false);
  const act = (action: () => Promise<unknown>) => () => {
    setBusy(true);
    void action().finally(() => setBusy(false));
  };
  const common = { disabled: busy, tabIndex };
  const { openNotebook } = doors;
  return (
    <span class="fnb-actions">
      {openNotebook !== undefined && run.source.endsWith(".ipynb") && (
        <IconButton icon="notebook" label={`Open ${run.source}`} {...common} onClick={act(async () => {
          const place = await store.notebookOf(run.name);
          if (place !== undefined) openNotebook(place);
        })} />
      )}
      {hasEnded(run) ? (
        <>
          <IconButton icon="rerun" label={`Run ${run.name} again`} {...common} onClick={act(async () => {
            const name = await store.rerun(run.name);
            if (name !== "") doors.openRun(name);
          })} />
          <IconButton icon="remove" label={`Delete ${run.name}`} danger {...common} onClick={act(() => remove(run, store, doors))} />
        </>
      ) : (
        <IconButton icon="stop" label={`Abort ${run.name}`} danger {...common} onClick={act(() => store.abort(run.name))} />
      )}
    </span>
  );
}

async function remove(run: RunLine, store: RunsStore, doors: Doors): Promise<void> {
  const text = `${run.name} and all that it recorded will be forgotten. That cannot be undone.`;
  if (await doors.confirm("Delete this run?", text, "Delete")) await store.remove(run.name);
}
