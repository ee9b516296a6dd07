import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { NotebookPlace } from "../panel/doors";

/** What is used of JupyterLab's notebook, without its package. */
interface NotebookPanel {
  context: { ready: Promise<void> };
  revealed?: Promise<void>;
  content: { widgets: readonly { model: { id: string } }[]; activeCellIndex: number };
  setFragment(fragment: string): void;
}

/** Opens a notebook, and shows the cell if it is still there. Where notebooks open on pages of their own, that is all. */
export async function openNotebook(app: JupyterFrontEnd, { path, cell }: NotebookPlace): Promise<void> {
  const panel = (await app.commands.execute("docmanager:open", { path })) as NotebookPanel | undefined;
  if (panel === undefined || cell === "") return;
  await panel.context.ready;
  await panel.revealed;
  const index = panel.content.widgets.findIndex((widget) => widget.model.id === cell);
  if (index === -1) return;
  panel.content.activeCellIndex = index;
  panel.setFragment(`#cell-id=${cell}`);
}
