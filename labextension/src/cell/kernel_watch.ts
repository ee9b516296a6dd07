/** A signal of JupyterLab's. */
interface Signal<Value> {
  connect(slot: (sender: unknown, value: Value) => void): void;
  disconnect(slot: (sender: unknown, value: Value) => void): void;
}

/** What of JupyterLab's connection to a kernel is used. */
interface Kernel {
  statusChanged: Signal<string>;
  disposed: Signal<unknown>;
}

/** A kernel that starts is another process, perhaps because somebody else has restarted it. */
const GONE: ReadonlySet<string> = new Set(["terminating", "restarting", "autorestarting", "starting", "dead"]);

/**
 * Tells when the kernel of a widget is gone; gives back what ends that.
 *
 * JupyterLab and Notebook know what has become of a kernel, and their widget manager has it. Others tell nothing: there a
 * page is left with silence.
 */
export function watchKernel(manager: unknown, gone: () => void): () => void {
  const kernel = (manager as { kernel?: Partial<Kernel> | null } | undefined)?.kernel;
  const { statusChanged, disposed } = kernel ?? {};
  const took = (_: unknown, status: string) => { if (GONE.has(status)) gone(); };
  statusChanged?.connect(took);
  disposed?.connect(gone);
  return () => {
    statusChanged?.disconnect(took);
    disposed?.disconnect(gone);
  };
}
