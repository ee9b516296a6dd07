import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { ICommandPalette } from "@jupyterlab/apputils";
import type { ILauncher } from "@jupyterlab/launcher";
import type { IDisposable } from "@lumino/disposable";
import type { RunsStore } from "../panel/runs_store";
import { runsIcon } from "./icon";
import type { MainArea } from "./main_area";
import { PANEL_ID } from "./panel_widget";

export const COMMANDS = {
  show: "flyte-nb:show-runs",
  openRun: "flyte-nb:open-run",
  openNewest: "flyte-nb:open-newest-run",
  abort: "flyte-nb:abort-run",
  resume: "flyte-nb:resume-run",
  rerun: "flyte-nb:rerun-run",
} as const;

const CATEGORY = "Runs of flyte_nb";

interface Deeds {
  mainArea: MainArea;
  rerun(run: string): Promise<void>;
  resume(run: string): Promise<void>;
  store: RunsStore;
}

/** Adds commands, and those for people to the palette and the launcher. What acts on a run takes the one that is shown. */
export function addCommands(
  app: JupyterFrontEnd, deeds: Deeds, palette: ICommandPalette | null, launcher: ILauncher | null,
): IDisposable[] {
  const { mainArea, store } = deeds;
  const named = (args: { [key: string]: unknown }) => (typeof args["run"] === "string" ? args["run"] : mainArea.shown);
  const onOne = (label: string, act: (run: string) => unknown) => ({
    label, execute: (args: { [key: string]: unknown }) => act(named(args)), isEnabled: (args: { [key: string]: unknown }) => named(args) !== "",
  });
  const newest = () => store.running[0]?.name ?? store.at(0)?.name ?? "";
  const added = [
    app.commands.addCommand(COMMANDS.show, {
      label: "Show Runs", caption: "Runs of all kernels, and questions that wait", icon: runsIcon,
      execute: () => app.shell.activateById(PANEL_ID),
    }),
    app.commands.addCommand(COMMANDS.openRun, { ...onOne("Open Run", (run) => mainArea.openBeside(run)), icon: runsIcon }),
    app.commands.addCommand(COMMANDS.openNewest, {
      label: "Open Newest Run", execute: () => mainArea.open(newest()), isEnabled: () => newest() !== "",
    }),
    app.commands.addCommand(COMMANDS.abort, onOne("Abort Shown Run", (run) => store.abort(run))),
    app.commands.addCommand(COMMANDS.resume, onOne("Resume Shown Run…", deeds.resume)),
    app.commands.addCommand(COMMANDS.rerun, onOne("Run Shown Run Again", deeds.rerun)),
  ];
  if (palette !== null)
    for (const command of [COMMANDS.show, COMMANDS.openNewest, COMMANDS.abort, COMMANDS.resume, COMMANDS.rerun])
      added.push(palette.addItem({ command, category: CATEGORY }));
  if (launcher !== null) added.push(launcher.add({ command: COMMANDS.show, category: "Other", rank: 50 }));
  return added;
}
