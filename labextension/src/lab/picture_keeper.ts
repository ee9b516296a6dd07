import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { RunsStore } from "../panel/runs_store";
import { runPath, type Server } from "../panel/server";
import type { SavedPicture } from "../panel/wire";
import { sayThatPicturesAreKept } from "../run/keeping";
import { markedOutputs, type Bundle, type Mark, type Marked, type Notebook } from "./outputs";

const WIDGET = "application/vnd.jupyter.widget-view+json";
const NOTHING = { "text/html": "", "text/plain": "" };
const LOOK_AFTER_MS = 500;

/**
 * Keeps the pictures in a notebook as its runs are.
 *
 * JupyterLab knows outputs by what it has heard since the page was loaded. In a notebook that was loaded from its file it
 * finds none for what the kernel says to one of them, so this does. What no kernel tells, because it said so while the
 * notebook was closed or because it is gone, the server knows.
 */
export class PictureKeeper {
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** By run, of which places the server was asked since it went on last. */
  private readonly asked = new Map<string, Set<string>>();
  private readonly unsubscribe: () => void;

  constructor(private readonly notebook: Notebook, private readonly store: RunsStore, private readonly server: Server) {
    notebook.sessionContext.iopubMessage.connect(this.hear);
    this.unsubscribe = store.subscribe(() => this.hearOfRuns());
    void notebook.ready.then(() => this.lookSoon());
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.unsubscribe();
    this.notebook.sessionContext.iopubMessage.disconnect(this.hear);
  }

  /** The kernel says something to an output. */
  private readonly hear = (_: unknown, { header, content }: { header: { msg_type: string }; content: object }): void => {
    if (header.msg_type !== "update_display_data") return;
    const { data, metadata, transient } = content as Bundle & { transient?: { display_id?: string } };
    for (const { mark, fill } of markedOutputs(this.notebook)) if (mark.place === transient?.display_id) fill(data, metadata);
  };

  /** What goes on now may have ended by the time that is looked at. */
  private hearOfRuns(): void {
    for (const { name } of this.store.running) this.asked.delete(name);
    this.lookSoon();
  }

  private lookSoon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.look();
    }, LOOK_AFTER_MS);
  }

  /** Asks what has become of runs that were shown as going on. */
  private look(): void {
    if (!this.store.read) return;
    const running = new Set(this.store.running.map(({ name }) => name));
    const wanted = new Set<string>();
    for (const { mark: { run, place } } of markedOutputs(this.notebook)) {
      if (running.has(run)) continue;
      const places = this.asked.get(run) ?? new Set<string>();
      if (!places.has(place)) wanted.add(run);
      this.asked.set(run, places.add(place));
    }
    for (const run of wanted) void this.keep(run);
  }

  private async keep(run: string): Promise<void> {
    const picture = await this.server.ask(runPath(run, "picture")).then((found) => found as SavedPicture, () => undefined); // it may be of another home
    if (picture === undefined) return;
    const ours = () => this.outputsOf(run, picture.created_at);
    for (const { mark, bundle, fill } of ours()) if (!mark.is_live) fill(dataOf(picture, mark), bundle.metadata);
    if (!picture.is_final) return;
    const living = await this.livingWidgets();
    if (living === undefined) return;
    const mayFollow = (mark: Mark) => mark.makes_room && this.kernel !== undefined;
    const kept = new Set([...ours()].filter(({ bundle }) => living.has(modelOf(bundle))).map(({ mark }) => mark.picture));
    for (const { mark, bundle, fill } of ours())
      if (!kept.has(mark.picture) && !isOnPage(mark.picture) && !mayFollow(mark)) fill(mark.is_live ? NOTHING : bundle.data, {});
  }

  private *outputsOf(run: string, createdAt: number): Iterable<Marked> {
    if (this.notebook.isDisposed) return;
    for (const output of [...markedOutputs(this.notebook)]) if (output.mark.run === run && output.mark.created_at === createdAt) yield output;
  }

  private get kernel() {
    return this.notebook.sessionContext.session?.kernel ?? undefined;
  }

  /** The models that the notebook's kernel has, which may fill their outputs anew; undefined if it does not say. */
  private async livingWidgets(): Promise<ReadonlySet<string> | undefined> {
    await this.notebook.sessionContext.ready; // until then there is no telling whether it has a kernel
    const { kernel } = this;
    if (kernel === undefined) return new Set();
    const reply = await kernel.requestCommInfo({ target_name: "jupyter.widget" }).catch(() => undefined);
    return reply && new Set(Object.keys((reply.content as { comms?: object }).comms ?? {}));
  }
}

/**
 * Keeps the pictures of all notebooks that are opened on this page; gives back what ends that.
 *
 * None of a notebook that several pages edit together: each of them would fill the same output, and what two of them put
 * into one place at once stands there twice.
 */
export function keepPictures(documents: JupyterFrontEnd["docRegistry"], store: RunsStore, server: Server): () => void {
  const keepers = new Map<Notebook, PictureKeeper>();
  const unsaid = sayThatPicturesAreKept();
  const forget = (notebook: Notebook) => {
    keepers.get(notebook)?.dispose();
    keepers.delete(notebook);
  };
  const extension = documents.addWidgetExtension("Notebook", {
    createNew: (_, context) => {
      const notebook = context as unknown as Notebook; // one, also where several views show it
      if (keepers.has(notebook)) return;
      if (notebook.model?.collaborative === true) {
        unsaid();
        return;
      }
      keepers.set(notebook, new PictureKeeper(notebook, store, server));
      context.disposed.connect(() => forget(notebook));
    },
  });
  return () => {
    extension.dispose();
    unsaid();
    for (const notebook of [...keepers.keys()]) forget(notebook);
  };
}

/** Whether a widget on this page, whose kernel may be gone, still shows what it knows. */
function isOnPage(picture: string): boolean {
  return picture !== "" && document.querySelector(`[data-fnb-picture="${picture}"]`) !== null;
}

function modelOf({ data }: Bundle): string {
  return String((data[WIDGET] as { model_id?: unknown } | undefined)?.model_id);
}

function dataOf({ html, text }: SavedPicture, { picture }: Mark): Bundle["data"] {
  return { "text/html": picture === "" ? html : `<div class="fnb-static-${picture}">${html}</div>`, "text/plain": text };
}
