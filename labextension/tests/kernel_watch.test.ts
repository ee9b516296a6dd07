import { describe, expect, it } from "vitest";
import { watchKernel } from "../src/cell/kernel_watch";

/** A signal of JupyterLab's. */
class Signal<Value> {
  private readonly slots = new Set<(sender: unknown, value: Value) => void>();
  connect = (slot: (sender: unknown, value: Value) => void) => void this.slots.add(slot);
  disconnect = (slot: (sender: unknown, value: Value) => void) => void this.slots.delete(slot);

  emit(value: Value): void {
    for (const slot of this.slots) slot(this, value);
  }
}

const watched = (process?: string) => {
  const kernel = { statusChanged: new Signal<string>(), iopubMessage: new Signal<unknown>(), disposed: new Signal<unknown>() };
  const sessionContext = { disposed: new Signal<unknown>() };
  const found = { gone: 0, closed: 0 };
  const end = watchKernel({ kernel, context: { sessionContext } }, () => { found.gone += 1; }, () => { found.closed += 1; }, process);
  const say = (session: string, execution_state?: string, msg_type = "status") =>
    kernel.iopubMessage.emit({ header: { msg_type, session }, content: { execution_state } });
  return { kernel, sessionContext, found, say, end };
};

describe("a kernel", () => {
  it("that somebody else has restarted is gone, also where nobody heard it start", () => {
    const { found, say, end } = watched();
    say("first", "busy");
    say("first", "idle");
    expect(found.gone).toBe(0);
    say("second", "busy");
    expect(found.gone).toBe(1);
    end();
    say("third", "idle");
    expect(found.gone).toBe(1);
  });

  it("is not gone because the server says something for it", () => {
    const { found, say } = watched();
    say("first", "idle");
    say("server", undefined, "stream");
    say("server", "restarting");
    expect(found.gone).toBe(0);
  });

  it("is gone when JupyterLab says so", () => {
    for (const status of ["restarting", "autorestarting", "terminating", "dead", "starting"]) {
      const { kernel, found } = watched();
      kernel.statusChanged.emit("busy");
      expect(found.gone).toBe(0);
      kernel.statusChanged.emit(status);
      expect(found.gone).toBe(1);
    }
  });

  it("whose process is known may be starting, and is gone when another one is", () => {
    const { kernel, found, say } = watched("first");
    kernel.statusChanged.emit("starting");
    say("first", "starting");
    expect(found.gone).toBe(0);
    say("second", "starting");
    expect(found.gone).toBe(1);
  });

  it("can be told a last word when its notebook is closed", () => {
    const { sessionContext, found, end } = watched();
    sessionContext.disposed.emit(undefined);
    expect(found).toEqual({ gone: 0, closed: 1 });
    end();
    sessionContext.disposed.emit(undefined);
    expect(found.closed).toBe(1);
  });
});
