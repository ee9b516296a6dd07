import { Widget } from "@lumino/widgets";
import { h, render } from "preact";
import { RunConnection, type Beginnings } from "../panel/run_connection";
import { RunPage } from "../panel/run_page";
import type { Server } from "../panel/server";
import { runsIcon } from "./icon";

/** A run in the main area, followed while it is open. */
export class RunWidget extends Widget {
  private readonly connection: RunConnection;

  constructor(server: Server, readonly run: string, beginnings: Beginnings) {
    super();
    this.id = RunWidget.idOf(run);
    this.title.label = run;
    this.title.caption = `Run ${run}`;
    this.title.icon = runsIcon;
    this.title.closable = true;
    this.connection = new RunConnection(server, run, beginnings);
    render(h(RunPage, { store: this.connection.store }), this.node);
  }

  static idOf(run: string): string {
    return `flyte-nb-run-${encodeURIComponent(run)}`;
  }

  override dispose(): void {
    if (this.isDisposed) return;
    this.connection.close();
    render(null, this.node);
    super.dispose();
  }
}
