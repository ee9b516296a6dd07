import type { Kernel, ServiceManager } from "@jupyterlab/services";
import { watchKernel } from "../cell/kernel_watch";

/** A running kernel in which a run may go on. */
export interface KernelPlace {
  kernel: Kernel.IModel;
  /** The notebook or console that it belongs to. */
  title: string;
  /** What kind of kernel, in words. */
  spec: string;
  busy: boolean;
  /** Whether it is the kernel of the notebook that the run came from. */
  own: boolean;
}

/** Kernels that speak Python, that of the notebook at `path` first. */
export async function runningKernels(services: ServiceManager.IManager, path: string): Promise<KernelPlace[]> {
  const { kernelspecs, kernels, sessions } = services;
  await Promise.all([kernelspecs.ready, sessions.refreshRunning(), kernels.refreshRunning()]);
  const running = new Map([...kernels.running()].map((kernel) => [kernel.id, kernel])); // the ones of sessions do not say what they do now
  const places: KernelPlace[] = [];
  for (const session of sessions.running()) {
    const kernel = running.get(session.kernel?.id ?? "");
    const spec = kernelspecs.specs?.kernelspecs[kernel?.name ?? ""];
    if (kernel === undefined || (spec !== undefined && spec.language !== "python")) continue;
    const title = session.type === "notebook" ? session.path.slice(session.path.lastIndexOf("/") + 1) : session.name || session.path;
    places.push({ kernel, title, spec: spec?.display_name ?? kernel.name, busy: kernel.execution_state === "busy", own: path !== "" && session.path === path });
  }
  return places.sort((one, other) => Number(other.own) - Number(one.own) || one.title.localeCompare(other.title));
}

/**
 * Has a run go on in a kernel, once the cells that it was given before have ended; gives back whose code it is.
 *
 * It is executed beside the cells: no output, no history, nothing in the notebook's names.
 */
export async function resumeInKernel(services: ServiceManager.IManager, place: KernelPlace, run: string): Promise<"defined there" | "stored"> {
  const connection = services.kernels.connectTo({ model: place.kernel, handleComms: false });
  try {
    // One that is just starting has answered nobody yet; what a busy one was given must not begin in the one that follows it.
    await unlessGone(connection, connection.info, place.busy ? "restarted" : "dead");
    const ask = `__import__("flyte_nb._notebook.from_a_page", fromlist=["resume"]).resume(${JSON.stringify(run)})`;
    const future = connection.requestExecute({ code: "", silent: true, store_history: false, allow_stdin: false, user_expressions: { resumed: ask } });
    return whatCameOf((await unlessGone(connection, future.done, "restarted")).content, place, run);
  } finally {
    connection.dispose();
  }
}

/** What is awaited of a kernel, or an error as soon as there is none, or it is another process. */
async function unlessGone<Value>(connection: Kernel.IKernelConnection, awaited: Promise<Value>, gone: "restarted" | "dead"): Promise<Value> {
  let unwatch = () => {};
  const end = new Promise<never>((_, reject) => {
    const refuse = () => reject(new Error("It ended or was restarted before it could begin. Resume the run once more."));
    const { disposed, statusChanged } = connection;
    unwatch = watchKernel({ kernel: gone === "dead" ? { disposed } : { disposed, statusChanged } }, refuse);
    awaited.catch(refuse);
  });
  try {
    return await Promise.race([awaited, end]);
  } finally {
    unwatch();
  }
}

type Content = Awaited<ReturnType<Kernel.IKernelConnection["requestExecute"]>["done"]>["content"];

function whatCameOf(content: Content, place: KernelPlace, run: string): "defined there" | "stored" {
  if (content.status !== "ok") throw new Error("It dropped what was asked, because a cell before it failed. Resume the run once more.");
  const resumed = content.user_expressions["resumed"] as { ename?: string; evalue?: string; data?: { "text/plain"?: string } } | undefined;
  if (resumed?.data !== undefined) return resumed.data["text/plain"] === "True" ? "defined there" : "stored";
  const { ename = "", evalue = "It gave no answer." } = resumed ?? {};
  if (ename === "ModuleNotFoundError" && evalue.includes("'flyte_nb"))
    throw new Error(`It has no flyte_nb that can do this (${evalue}). In a cell there: %pip install -U flyte-nb; then restart it, or resume ${run} elsewhere.`);
  if (ename === "RunNotFoundError") throw new Error(`${evalue} That kernel (${place.title}) uses another home than this panel.`);
  throw new Error(evalue);
}
