import { Notification, showErrorMessage } from "@jupyterlab/apputils";
import type { ServiceManager } from "@jupyterlab/services";
import { runPath, type Server } from "../panel/server";
import type { NotebookPlace } from "../panel/doors";
import { resumeInKernel, runningKernels, type KernelPlace } from "./kernels";
import { askWhere } from "./where_dialog";

/** Goes on with a run where the person says: in a running kernel, or as `inProcess` does it. What came of it is told. False if nowhere. */
export async function resumeSomewhere(
  services: ServiceManager.IManager, server: Server, run: string, inProcess: () => unknown,
): Promise<boolean> {
  const from = await server.ask(runPath(run, "notebook")).then((place) => (place as NotebookPlace).path, () => "");
  const where = await askWhere(run, await runningKernels(services, from));
  if (where === undefined) return false;
  if (where === null) {
    await inProcess();
    return true;
  }
  return resumeThere(services, where, run);
}

async function resumeThere(services: ServiceManager.IManager, place: KernelPlace, run: string): Promise<boolean> {
  const there = `in the kernel of ${place.title}`;
  const pending = Notification.emit(`Resuming ${run} ${there}`, "in-progress", { autoClose: false });
  try {
    const code = await resumeInKernel(services, place, run, () => {
      if (place.busy) Notification.update({ id: pending, message: `${run} waits for the cells that run ${there}` });
    });
    const told = `${run} goes on ${there}, with ${code === "stored" ? "its stored code, but for what is defined there" : "what is defined there"}`;
    Notification.update({ id: pending, message: told, type: "success", autoClose: 6_000 });
    return true;
  } catch (error) {
    Notification.dismiss(pending);
    await showErrorMessage(`${run} was not resumed ${there}`, error instanceof Error ? error.message : String(error));
    return false;
  }
}
