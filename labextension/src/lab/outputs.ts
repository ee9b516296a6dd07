/** What of JupyterLab's notebook is used, without its package. */
interface Signal<Value> {
  connect(slot: (sender: unknown, value: Value) => void): void;
  disconnect(slot: (sender: unknown, value: Value) => void): void;
}

export interface Bundle {
  data: Record<string, unknown>;
  metadata: Record<string, unknown>;
}

interface Outputs {
  length: number;
  get(index: number): Partial<Bundle> & { type: string };
  set(index: number, output: Bundle & { output_type: "display_data" }): void;
}

export interface Notebook {
  contentsModel?: { writable?: boolean } | null;
  ready: Promise<void>;
  model: { dirty: boolean; collaborative?: boolean; cells?: { length: number; get(index: number): { outputs?: Outputs } } } | null;
  sessionContext: {
    ready: Promise<void>;
    iopubMessage: Signal<{ header: { msg_type: string }; content: object }>;
    session?: { kernel?: { requestCommInfo(content: { target_name: string }): Promise<{ content: object }> } | null } | null;
  };
  isDisposed: boolean;
  disposed: Signal<void>;
}

/** What an output of ours that is not final says of itself. The kernel knows it by its `place`. */
export interface Mark {
  place: string;
  run: string;
  created_at: number;
  picture: string;
  /** Whether a widget stands there, and not the static picture. */
  is_live: boolean;
  /** Whether its kernel is about to show another run there. */
  makes_room: boolean;
}

/** An output with such a mark. */
export interface Marked {
  mark: Mark;
  bundle: Bundle;
  fill(data: Bundle["data"], metadata: Bundle["metadata"]): void;
}

export const MARK = "flyte_nb";
const PICTURE = /^[0-9a-f]{32}$/;

/** The outputs of a notebook that are ours and not final. */
export function* markedOutputs(notebook: Notebook): Iterable<Marked> {
  const { model } = notebook;
  for (let cell = 0; cell < (model?.cells?.length ?? 0); cell += 1) {
    const { outputs } = model!.cells!.get(cell);
    for (let index = 0; index < (outputs?.length ?? 0); index += 1) {
      const output = outputs!.get(index);
      const mark = output.type === "display_data" ? markOf(output.metadata) : undefined;
      if (mark === undefined) continue;
      const bundle = { data: output.data ?? {}, metadata: output.metadata ?? {} };
      yield { mark, bundle, fill: (data, metadata) => fill(notebook, outputs!, index, bundle, { data, metadata }) };
    }
  }
}

/** Puts something else there, unless it is there: JupyterLab does so itself where it knows the output. */
function fill(notebook: Notebook, outputs: Outputs, index: number, before: Bundle, after: Bundle): void {
  if (isSame(before.data, after.data) && isSame(before.metadata, after.metadata)) return;
  const model = notebook.model!;
  const wasDirty = model.dirty;
  outputs.set(index, { output_type: "display_data", ...after });
  if (notebook.contentsModel?.writable === false) model.dirty = wasDirty; // nobody can save it
}

function markOf(metadata: Bundle["metadata"] | undefined): Mark | undefined {
  const { place, run, created_at, picture, is_live, makes_room } = (metadata?.[MARK] ?? {}) as Partial<Record<keyof Mark, unknown>>;
  if (typeof place !== "string" || typeof run !== "string" || typeof created_at !== "number") return undefined;
  return { place, run, created_at, picture: typeof picture === "string" && PICTURE.test(picture) ? picture : "", is_live: is_live === true, makes_room: makes_room === true };
}

function isSame(one: object, other: object): boolean {
  const sorted = (values: object) => JSON.stringify(Object.entries(values).sort(([name], [another]) => (name < another ? -1 : 1)));
  return sorted(one) === sorted(other);
}
