import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { Dialog, ICommandPalette, showDialog } from "@jupyterlab/apputils";
import { ILauncher } from "@jupyterlab/launcher";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import { IStateDB } from "@jupyterlab/statedb";
import { choiceFrom, EVERYTHING, isChoosing } from "../panel/choice";
import panelStyles from "../panel/panel.css";
import type { Beginnings } from "../panel/run_connection";
import { RunsStore } from "../panel/runs_store";
import styles from "../views/styles.css";
import { addCommands, COMMANDS } from "./commands";
import labStyles from "./lab.css";
import { LabServer } from "./lab_server";
import { followLostRuns } from "./lost_runs";
import { MainArea } from "./main_area";
import { openNotebook } from "./notebooks";
import { tellOf } from "./notices";
import { openRuns } from "./open_runs";
import { PANEL_ID, PanelWidget } from "./panel_widget";
import { resumeSomewhere } from "./resuming";
import { keepPictures } from "./picture_keeper";
import { DEFAULTS, followSettings } from "./settings";

const PLUGIN = "flyte-nb:panel";
const KEPT_CHOICE = "flyte-nb:choice";
const TIDY_EVERY_MS = 86_400_000;
const endings: (() => void)[] = [];

/** What ends with the plugin, in the reverse order of its beginning. */
function atTheEnd(ending: () => void): void {
  endings.unshift(ending);
}

function activate(
  app: JupyterFrontEnd, labShell: ILabShell | null, restorer: ILayoutRestorer | null, palette: ICommandPalette | null,
  launcher: ILauncher | null, registry: ISettingRegistry | null, state: IStateDB | null,
): void {
  addStyles();
  const server = new LabServer(app.serviceManager.serverSettings);
  const store = new RunsStore(server);
  atTheEnd(() => store.close());
  if (state !== null) keepChoice(store, state);

  const resumeOr = (run: string, inProcess: () => unknown) => resumeSomewhere(app.serviceManager, server, run, inProcess);
  const resume = async (run: string) => { await resumeOr(run, () => store.resume(run)); };
  const rerun = async (run: string) => {
    const again = await store.rerun(run);
    if (again !== "") openRun(again);
  };
  const beginningsOf = (run: string): Beginnings => ({
    rerun: () => void rerun(run), resume: (inProcess) => resumeOr(run, inProcess),
  });
  const mainArea = new MainArea(app, labShell, server, beginningsOf);
  atTheEnd(() => mainArea.dispose());
  const openRun = (run: string) => mainArea.open(run);

  const panel = new PanelWidget(store, {
    openRun, resume, confirm, openNotebook: (place) => void openNotebook(app, place),
  });
  atTheEnd(() => panel.dispose());
  app.shell.add(panel, "left", { rank: 450 });
  restorer?.add(panel, PANEL_ID);

  for (const added of addCommands(app, { mainArea, rerun, resume, store }, palette, launcher)) atTheEnd(() => added.dispose());
  if (restorer !== null) mainArea.restore(restorer);
  atTheEnd(openRuns(openRun));
  atTheEnd(followLostRuns(store, server, beginningsOf));
  atTheEnd(keepPictures(app.docRegistry, store, server));

  let current = DEFAULTS;
  atTheEnd(tellOf(store, app, () => current.notifications, openRun, () => void app.commands.execute(COMMANDS.show)));
  if (registry !== null)
    void registry.load(PLUGIN).then((settings) => {
      atTheEnd(followSettings(settings, (taken) => {
        current = taken;
        store.newsEveryMs = taken.updateEveryMs;
      }));
      atTheEnd(tidyDaily(store, () => current.keepDays));
    });
}

async function confirm(title: string, body: string, action: string): Promise<boolean> {
  const result = await showDialog({ title, body, buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: action })] });
  return result.button.accept;
}

/** Forgets old runs now, and once a day; for 0 days to keep, none. */
function tidyDaily(store: RunsStore, keepDays: () => number): () => void {
  const tidy = () => { if (keepDays() > 0) void store.tidy(keepDays()); };
  tidy();
  const timer = setInterval(tidy, TIDY_EVERY_MS);
  return () => clearInterval(timer);
}

/** What was chosen is chosen again after a reload, unless the reader was quicker. Nothing waits for it: it is known late. */
function keepChoice(store: RunsStore, state: IStateDB): void {
  let kept = store.choice;
  atTheEnd(store.subscribe(() => {
    if (store.choice === kept) return;
    kept = store.choice;
    void state.save(KEPT_CHOICE, { ...kept, groups: [...kept.groups] });
  }));
  void state.fetch(KEPT_CHOICE).then((found) => {
    if (found === undefined || kept !== EVERYTHING) return;
    kept = choiceFrom(found);
    if (isChoosing(kept)) store.choose(kept);
  });
}

function addStyles(): void {
  const sheet = document.createElement("style");
  sheet.textContent = styles + panelStyles + labStyles;
  document.head.append(sheet);
  atTheEnd(() => sheet.remove());
}

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN,
  description: "Runs of flyte_nb of all kernels, live, with the questions that wait for an answer.",
  autoStart: true,
  optional: [ILabShell, ILayoutRestorer, ICommandPalette, ILauncher, ISettingRegistry, IStateDB],
  activate,
  deactivate: () => {
    for (const ending of endings.splice(0)) ending();
  },
};

export default plugin;
