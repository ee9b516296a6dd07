import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { Dialog, ICommandPalette, MainAreaWidget, showDialog, WidgetTracker } from "@jupyterlab/apputils";
import { ILauncher } from "@jupyterlab/launcher";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import { IStateDB } from "@jupyterlab/statedb";
import { choiceFrom, EVERYTHING, isChoosing } from "../panel/choice";
import panelStyles from "../panel/panel.css";
import { RunsStore } from "../panel/runs_store";
import styles from "../views/styles.css";
import { addCommands, COMMANDS } from "./commands";
import labStyles from "./lab.css";
import { LabServer } from "./lab_server";
import { openNotebook } from "./notebooks";
import { tellOf } from "./notices";
import { openRuns } from "./open_runs";
import { resumeSomewhere } from "./resuming";
import { tellOfSavedPictures } from "./saved_pictures";
import { PANEL_ID, PanelWidget } from "./panel_widget";
import { RunWidget } from "./run_widget";
import { DEFAULTS, settingsFrom } from "./settings";

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

  const tracker = new WidgetTracker<MainAreaWidget<RunWidget>>({ namespace: "flyte-nb-run" });
  atTheEnd(() => tracker.dispose());
  const openRun = (run: string) => {
    if (labShell === null) window.open(server.pageOf(run), "_blank", "noopener");
    else void app.commands.execute(COMMANDS.openRun, { run });
  };
  const openBeside = (run: string) => {
    const known = tracker.find((widget) => widget.content.run === run);
    const content = known?.content ?? new RunWidget(server, run, {
      rerun: () => void rerun(run), resume: (inProcess) => void resumeSomewhere(app.serviceManager, server, run, inProcess),
    });
    const widget = known ?? new MainAreaWidget({ content });
    if (known === undefined) {
      widget.id = `${content.id}-area`;
      app.shell.add(widget, "main");
      void tracker.add(widget);
    }
    app.shell.activateById(widget.id);
    return widget;
  };
  const rerun = async (run: string) => {
    const again = await store.rerun(run);
    if (again !== "") openRun(again);
  };
  const resume = (run: string) => resumeSomewhere(app.serviceManager, server, run, () => store.resume(run));

  atTheEnd(openRuns(openRun));
  atTheEnd(tellOfSavedPictures(store, server));
  const panel = new PanelWidget(store, {
    openRun,
    resume,
    openNotebook: (place) => void openNotebook(app, place),
    confirm: async (title, body, action) => {
      const result = await showDialog({ title, body, buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: action })] });
      return result.button.accept;
    },
  });
  atTheEnd(() => panel.dispose());
  app.shell.add(panel, "left", { rank: 450 });
  restorer?.add(panel, PANEL_ID);

  const shown = () => tracker.currentWidget?.content.run ?? "";
  for (const added of addCommands(app, { openBeside, openRun, rerun, resume, shown, store }, palette, launcher)) atTheEnd(() => added.dispose());
  if (restorer !== null)
    void restorer.restore(tracker, {
      command: COMMANDS.openRun, args: (widget) => ({ run: widget.content.run }), name: (widget) => widget.content.run,
    });

  let current = DEFAULTS;
  atTheEnd(tellOf(store, app, () => current.notifications, openRun));
  if (registry !== null)
    void registry.load(PLUGIN).then((settings) => {
      const take = () => {
        current = settingsFrom(settings);
        store.newsEveryMs = current.updateEveryMs;
      };
      take();
      settings.changed.connect(take);
      atTheEnd(() => settings.changed.disconnect(take));
      const tidy = () => { if (current.keepDays > 0) void store.tidy(current.keepDays); };
      tidy();
      const timer = setInterval(tidy, TIDY_EVERY_MS);
      atTheEnd(() => clearInterval(timer));
    });
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
