import { KernelMessage, type Kernel, type ServiceManager } from "@jupyterlab/services";
import { watchKernel } from "../cell/kernel_watch";

const LOOK_EVERY_MS = 2_000;
const GONE = "The kernel ended or was restarted before it could begin. Resume the run once more.";

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
 * It is executed beside the cells: no output, no history, nothing in the notebook's names. It begins in the process that
 * is the kernel now or nowhere: what a busy one was given may reach the one that follows it. `waits` is called when the
 * kernel has been asked.
 */
export async function resumeInKernel(
  services: ServiceManager.IManager, place: KernelPlace, run: string, waits: () => void,
): Promise<"defined there" | "stored"> {
  const connection = services.kernels.connectTo({ model: place.kernel, handleComms: false });
  try {
    const process = await unlessGone(connection, processOf(connection));
    const ask = `__import__("flyte_nb._notebook.from_a_page", fromlist=["resume"]).resume(${JSON.stringify(run)}, ${JSON.stringify(process)})`;
    const future = connection.requestExecute({ code: "", silent: true, store_history: false, allow_stdin: false, user_expressions: { resumed: ask } });
    waits();
    const another = replaced(services, connection, process);
    try {
      return whatCameOf((await unlessGone(connection, Promise.race([future.done, another.found]), process)).content, place, run);
    } finally {
      another.end();
    }
  } finally {
    connection.dispose();
  }
}

/** What is awaited of a kernel, or an error as soon as there is none, or it is another process than that one. */
async function unlessGone<Value>(connection: Kernel.IKernelConnection, awaited: Promise<Value>, process = ""): Promise<Value> {
  let unwatch = () => {};
  const end = new Promise<never>((_, reject) => {
    const refuse = () => reject(new Error(GONE));
    const { disposed, statusChanged, iopubMessage } = connection;
    unwatch = watchKernel({ kernel: process === "" ? { disposed } : { disposed, statusChanged, iopubMessage } }, refuse, undefined, process);
    awaited.catch(refuse);
  });
  try {
    return await Promise.race([awaited, end]);
  } finally {
    unwatch();
  }
}

/** Finds out that a kernel is another process now, also where nothing tells: what it was given is lost then. */
function replaced(services: ServiceManager.IManager, connection: Kernel.IKernelConnection, process: string): { found: Promise<never>; end(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const found = new Promise<never>((_, reject) => {
    const look = async () => {
      await services.kernels.refreshRunning().catch(() => undefined);
      const model = [...services.kernels.running()].find(({ id }) => id === connection.id);
      // One that is busy is not asked: it would look idle in its notebook.
      if (model?.execution_state !== "busy" && (await processOf(connection).catch(() => process)) !== process) reject(new Error(GONE));
      else if (!connection.isDisposed) timer = setTimeout(look, LOOK_EVERY_MS);
    };
    timer = setTimeout(look, LOOK_EVERY_MS);
  });
  found.catch(() => undefined);
  return { found, end: () => clearTimeout(timer) };
}

/** Which process a kernel is: the session of its answers. Cells hold up none on the control channel; a kernel without one answers after them. */
async function processOf(connection: Kernel.IKernelConnection): Promise<string> {
  await connected(connection);
  return new Promise((found, failed) => {
    const request = KernelMessage.createMessage({
      channel: "control" as "shell", content: {}, msgType: "kernel_info_request", session: connection.clientId, username: connection.username,
    });
    const future = connection.sendControlMessage(request as unknown as KernelMessage.IControlMessage, true) as Kernel.IControlFuture;
    future.onReply = ({ header }) => found(header.session);
    connection.requestKernelInfo().then((reply) => { if (reply !== undefined) found(reply.header.session); }, failed);
  });
}

async function connected(connection: Kernel.IKernelConnection): Promise<void> {
  if (connection.connectionStatus === "connected") return;
  await new Promise<void>((done) => {
    const look = (_: unknown, status: Kernel.ConnectionStatus) => {
      if (status !== "connected") return;
      connection.connectionStatusChanged.disconnect(look);
      done();
    };
    connection.connectionStatusChanged.connect(look);
  });
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
