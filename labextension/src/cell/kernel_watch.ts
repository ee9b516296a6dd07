/** A signal of JupyterLab's. */
interface Signal<Value> {
  connect(slot: (sender: unknown, value: Value) => void): void;
  disconnect(slot: (sender: unknown, value: Value) => void): void;
}

/** What of a kernel's messages is used. The identity of a session is another one in each process. */
interface Message {
  header: { msg_type: string; session: string };
  content: { execution_state?: string };
}

/** What of JupyterLab's connection to a kernel is used. */
interface Kernel {
  statusChanged: Signal<string>;
  iopubMessage: Signal<Message>;
  disposed: Signal<unknown>;
}

/** What of JupyterLab's widget manager is used. The session ends just before the connection to its kernel does. */
interface Manager {
  kernel?: Partial<Kernel> | null;
  context?: { sessionContext?: { disposed?: Signal<unknown> } };
}

const ALIVE: ReadonlySet<string> = new Set(["starting", "busy", "idle"]);
const GONE: ReadonlySet<string> = new Set(["terminating", "restarting", "autorestarting", "dead"]);

/**
 * Tells when a kernel is gone; gives back what ends that. When its notebook is closed, `closing` may say a last word to it.
 *
 * JupyterLab and Notebook know what has become of a kernel, and their widget manager has it. Others tell nothing: there a
 * page is left with silence.
 *
 * A kernel that somebody else restarts says *starting* before the server listens to it again, at times, and is then only
 * known by its session. The server itself speaks too, in a session of its own, but never says busy or idle. Where the
 * session of the kernel is known from the beginning (`process`), one that starts may be just this one.
 */
export function watchKernel(manager: unknown, gone: () => void, closing: () => void = () => undefined, process = ""): () => void {
  const { kernel, context } = (manager ?? {}) as Manager;
  const session = context?.sessionContext?.disposed;
  const { statusChanged, iopubMessage, disposed } = kernel ?? {};
  const took = (_: unknown, status: string) => { if (GONE.has(status) || (status === "starting" && process === "")) gone(); };
  let known = process;
  const heard = (_: unknown, { header, content }: Message) => {
    if (header.msg_type !== "status" || !ALIVE.has(content.execution_state ?? "")) return;
    known ||= header.session;
    if (header.session !== known) gone();
  };
  statusChanged?.connect(took);
  iopubMessage?.connect(heard);
  disposed?.connect(gone);
  session?.connect(closing);
  return () => {
    statusChanged?.disconnect(took);
    iopubMessage?.disconnect(heard);
    disposed?.disconnect(gone);
    session?.disconnect(closing);
  };
}
