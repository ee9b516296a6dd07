import { render } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import panelStyles from "../panel/panel.css";
import { Panel } from "../panel/panel";
import { RunConnection } from "../panel/run_connection";
import { RunPage } from "../panel/run_page";
import { RunsStore } from "../panel/runs_store";
import { contentOf, type Server } from "../panel/server";
import { FrameAddress } from "../report/report_frame";
import styles from "../views/styles.css";
import pageStyles from "./page.css";

interface Place {
  root: string;
  run: string;
}

/** The server that this page came from; its cookie says who asks, and a second one that no other site's page asks. */
class OwnServer implements Server {
  constructor(private readonly root: string) {}

  async ask(path: string, method = "GET", body?: unknown): Promise<unknown> {
    const headers = { "X-XSRFToken": cookie("_xsrf") };
    const response = await fetch(this.root + path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    return contentOf(response);
  }

  socket(path: string): WebSocket {
    const address = new URL(this.root + path, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    return new WebSocket(address);
  }
}

function cookie(name: string): string {
  return document.cookie.split("; ").find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
}

/** The list of runs, and beside it the one that was chosen. */
function RunsPage({ place, server }: { place: Place; server: Server }) {
  const [run, setRun] = useState(place.run);
  const store = useMemo(() => new RunsStore(server), [server]);
  const openRun = (name: string) => {
    history.pushState(null, "", place.root + (name === "" ? "" : `runs/${encodeURIComponent(name)}`));
    setRun(name);
  };
  useEffect(() => {
    const back = () => setRun(runIn(location.pathname));
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }, []);
  useEffect(() => { document.title = run === "" ? "Runs · flyte_nb" : `${run} · flyte_nb`; }, [run]);
  const doors = {
    openRun, resume: (name: string) => store.resume(name), confirm: (title: string, text: string) => Promise.resolve(confirm(`${title}\n\n${text}`)),
  };
  return (
    <FrameAddress.Provider value={(internet) => `${place.root}static/report${internet ? "-internet" : ""}.html`}>
      <main class={`fnb-page${run === "" ? "" : " fnb-page-with-run"}`}>
        <Panel store={store} doors={doors} />
        {run === ""
          ? <p class="fnb fnb-page-empty fnb-quiet">Choose a run to see its tree, logs, reports, inputs and outputs.</p>
          : (
            <div class="fnb-page-run">
              <button type="button" class="fnb-page-back" onClick={() => openRun("")}>‹ All runs</button>
              <Followed key={run} name={run} server={server} openRun={openRun} store={store} />
            </div>
          )}
      </main>
    </FrameAddress.Provider>
  );
}

function Followed(props: { name: string; server: Server; store: RunsStore; openRun: (name: string) => void }) {
  const { name, server, store, openRun } = props;
  const connection = useMemo(
    () => new RunConnection(server, name, {
      rerun: () => void store.rerun(name).then((again) => { if (again !== "") openRun(again); }),
      resume: (inProcess) => {
        inProcess();
        return Promise.resolve(true);
      },
    }),
    [name],
  );
  useEffect(() => () => connection.close(), [connection]);
  return <RunPage store={connection.store} />;
}

function runIn(path: string): string {
  return decodeURIComponent(/\/runs\/([^/]+)$/.exec(path)?.[1] ?? "");
}

const sheet = document.createElement("style");
sheet.textContent = styles + panelStyles + pageStyles;
document.head.append(sheet);
const holder = document.getElementById("flyte-nb")!;
const place = JSON.parse(holder.dataset.place!) as Place;
render(<RunsPage place={place} server={new OwnServer(place.root)} />, holder);
