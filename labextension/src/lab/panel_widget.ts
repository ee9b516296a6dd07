import { Widget } from "@lumino/widgets";
import { h, render } from "preact";
import type { Doors } from "../panel/doors";
import { Panel } from "../panel/panel";
import type { RunsStore } from "../panel/runs_store";
import { runsIcon } from "./icon";

export const PANEL_ID = "flyte-nb-runs";

/** The left panel. Its tab carries the number of questions that wait. */
export class PanelWidget extends Widget {
  private readonly unsubscribe: () => void;

  constructor(private readonly store: RunsStore, doors: Doors) {
    super();
    this.id = PANEL_ID;
    this.addClass("fnb-lab-panel");
    this.title.icon = runsIcon;
    this.unsubscribe = store.subscribe(() => this.showWaiting());
    this.showWaiting();
    render(h(Panel, { store, doors }), this.node);
  }

  override dispose(): void {
    if (this.isDisposed) return;
    this.unsubscribe();
    render(null, this.node);
    super.dispose();
  }

  private showWaiting(): void {
    const waiting = String(this.store.waiting.length);
    if (this.title.dataset["flyte-nb-waiting"] === waiting && this.title.caption !== "") return;
    this.title.caption = waiting === "0" ? "Runs of flyte_nb" : `Runs of flyte_nb, waiting for an answer: ${waiting}`;
    this.title.dataset = { "flyte-nb-waiting": waiting };
  }
}
