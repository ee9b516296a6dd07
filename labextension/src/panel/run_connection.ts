import { RunStore } from "../run/store";
import type { FromPage, ToPage } from "../run/wire";
import { Connection } from "./connection";
import { runPath, type Server } from "./server";

/** What the page takes care of itself: `rerun` starts a run of its own, and there may be several places to `resume` in. */
export interface Beginnings {
  rerun(): void;
  /** `inProcess` has the server do it. Whether it is done somewhere. */
  resume(inProcess: () => void): Promise<boolean>;
}

/** One run, followed through the server. */
export class RunConnection {
  readonly store: RunStore;
  private readonly connection: Connection;

  /** `storeFor` gives the store that takes what comes, and posts with what it gets; by default a new one. */
  constructor(
    server: Server, name: string, beginnings: Beginnings,
    storeFor = (post: (message: FromPage) => void) => new RunStore(name, post, "server"),
  ) {
    this.store = storeFor((message: FromPage) => {
      if (message.type === "rerun") beginnings.rerun();
      else if (message.type === "resume")
        void beginnings.resume(() => this.connection.send(message)).then((isDone) => { if (!isDone) this.store.beginNothing(); });
      else this.connection.send(message);
    });
    this.connection = new Connection(() => server.socket(runPath(name, "live")), {
      opened: () => this.store.reconnect(),
      took: (message) => this.store.take(message as ToPage),
      lost: () => this.store.close(),
    });
  }

  close(): void {
    this.store.close();
    this.connection.close();
  }
}
