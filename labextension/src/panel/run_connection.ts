import { RunStore } from "../run/store";
import type { FromPage, ToPage } from "../run/wire";
import { Connection } from "./connection";
import { runPath, type Server } from "./server";

/** One run, followed through the server. What `rerun` starts is a run of its own, so the page takes care of that itself. */
export class RunConnection {
  readonly store: RunStore;
  private readonly connection: Connection;

  constructor(server: Server, name: string, rerun: () => void) {
    this.store = new RunStore(name, (message: FromPage) => {
      if (message.type === "rerun") rerun();
      else this.connection.send(message);
    }, "server");
    this.connection = new Connection(() => server.socket(runPath(name, "live")), {
      opened: () => this.store.greet(),
      took: (message) => this.store.take(message as ToPage),
      lost: () => undefined,
    });
  }

  close(): void {
    this.connection.close();
  }
}
