import type { ILabShell, ILayoutRestorer, JupyterFrontEnd } from "@jupyterlab/application";
import { MainAreaWidget, WidgetTracker } from "@jupyterlab/apputils";
import type { Beginnings } from "../panel/run_connection";
import { COMMANDS } from "./commands";
import type { LabServer } from "./lab_server";
import { RunWidget } from "./run_widget";

/** Runs that are open in the main area; where JupyterLab's shell is not there, as in Notebook 7, a run opens on a page of its own. */
export class MainArea {
  private readonly tracker = new WidgetTracker<MainAreaWidget<RunWidget>>({ namespace: "flyte-nb-run" });

  constructor(
    private readonly app: JupyterFrontEnd, private readonly labShell: ILabShell | null, private readonly server: LabServer,
    private readonly beginningsOf: (run: string) => Beginnings,
  ) {}

  /** The run that was used last, or an empty name. */
  get shown(): string {
    return this.tracker.currentWidget?.content.run ?? "";
  }

  open(run: string): void {
    if (this.labShell === null) window.open(this.server.pageOf(run), "_blank", "noopener");
    else void this.app.commands.execute(COMMANDS.openRun, { run });
  }

  openBeside(run: string): MainAreaWidget<RunWidget> {
    const widget = this.tracker.find(({ content }) => content.run === run) ?? this.add(run);
    this.app.shell.activateById(widget.id);
    return widget;
  }

  /** Opens again what was open before a reload. */
  restore(restorer: ILayoutRestorer): void {
    void restorer.restore(this.tracker, {
      command: COMMANDS.openRun, args: ({ content }) => ({ run: content.run }), name: ({ content }) => content.run,
    });
  }

  dispose(): void {
    this.tracker.dispose();
  }

  private add(run: string): MainAreaWidget<RunWidget> {
    const widget = new MainAreaWidget({ content: new RunWidget(this.server, run, this.beginningsOf(run)) });
    widget.id = `${widget.content.id}-area`;
    this.app.shell.add(widget, "main");
    void this.tracker.add(widget);
    return widget;
  }
}
