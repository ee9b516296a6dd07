import { Dialog, showDialog } from "@jupyterlab/apputils";
import { Widget } from "@lumino/widgets";
import { h, render } from "preact";
import type { KernelPlace } from "./kernels";

/** A choice among a process of its own and kernels. */
class Places extends Widget implements Dialog.IBodyWidget<KernelPlace | null> {
  constructor(private readonly places: readonly KernelPlace[]) {
    super();
    this.addClass("fnb-where");
    render(h(Choice, { places }), this.node);
  }

  /** The chosen kernel; null is a process of its own. */
  getValue(): KernelPlace | null {
    return this.places[Number(this.node.querySelector<HTMLInputElement>("input:checked")!.value)] ?? null;
  }

  override dispose(): void {
    if (this.isDisposed) return;
    render(null, this.node);
    super.dispose();
  }
}

function Choice({ places }: { places: readonly KernelPlace[] }) {
  const preferred = places.findIndex(({ own }) => own); // where somebody mended what had failed, most likely
  return (
    <>
      <Place value={-1} preferred={preferred} label="In a process of its own" note="Needs no kernel and goes on without JupyterLab. With the code that was stored with the run." />
      {places.map((place, index) => (
        <Place value={index} preferred={preferred} label={`In the kernel of ${place.title}`} note={noteOn(place)} />
      ))}
      {places.length === 0
        ? <p>No Python kernel is running. Open a notebook to resume in its kernel.</p>
        : <p>A kernel uses its own tasks and values; what it does not define is taken from the code that was stored with the run.</p>}
    </>
  );
}

function Place({ value, preferred, label, note }: { value: number; preferred: number; label: string; note: string }) {
  return (
    <label>
      <input type="radio" name="fnb-where" value={value} defaultChecked={value === preferred} />
      <span>{label}<small>{note}</small></span>
    </label>
  );
}

function noteOn({ own, busy, spec }: KernelPlace): string {
  const state = busy ? "busy: the run goes on when the cells there have ended" : spec;
  return own ? `Where the run came from; ${state}` : state;
}

/** Asks where a run goes on: in a kernel, or (null) in a process of its own; undefined if nowhere. */
export async function askWhere(run: string, places: readonly KernelPlace[]): Promise<KernelPlace | null | undefined> {
  const { button, value } = await showDialog({
    title: `Resume run ${run}`, body: new Places(places), buttons: [Dialog.cancelButton(), Dialog.okButton({ label: "Resume" })],
  });
  return button.accept ? value : undefined;
}
