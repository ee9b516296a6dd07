import { createContext } from "preact";
import { useContext, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { safeAddress } from "../run/format";
import type { ReportTab } from "../run/selection";
import { framePage } from "./frame_page";
import { themeAt, watchTheme } from "./theme";

const LEAST_HEIGHT = 60;
const MOST_HEIGHT = 640;
const MOST_PAST_KEEPER = 200;
const COUNTED_WITHIN_MS = 1_000;

interface FromFrame {
  kind: "ready" | "taken" | "height" | "blocked" | "look" | "link" | "left";
  height?: number;
  address?: string;
}

/** Where the page of a frame comes from, for pages whose own policy would be the frame's too if it were written into them. */
export const FrameAddress = createContext<((withInternet: boolean) => string) | null>(null);

/**
 * A tab of a report, in a frame of its own that can run scripts and reach nothing.
 *
 * Chunks go in one message at a time: the next leaves when the frame has taken the last, with all that came meanwhile,
 * so that a report may stream at any rate. A report that replaces itself after scripts of it have run gets a fresh frame,
 * and one that was loaded again, because the cell was moved, gets everything anew.
 */
export function ReportFrame(props: { tab: ReportTab; name: string; revision: number; onLook: () => void }) {
  const { tab, name, revision, onLook } = props;
  const [withInternet, allow] = useState(false);
  const [blocked, setBlocked] = useState("");
  const [link, setLink] = useState("");
  return (
    <div class="fnb-report">
      {blocked !== "" && !withInternet && (
        <div class="fnb-notice" role="status">
          <span>
            This report wants to load something from the internet: <code>{blocked}</code>. That is blocked, so that what it shows
            stays here. <em>Allow</em> opens every https address to it, not only this one.
          </span>
          <button type="button" class="fnb-button" onClick={() => allow(true)}>Allow</button>
        </div>
      )}
      {link !== "" && (
        <div class="fnb-notice" role="status">
          <span>A link of this report leads to <code title={link}>{hostOf(link)}</code>.</span>
          <a class="fnb-button" href={link} target="_blank" rel="noopener noreferrer" onClick={() => setLink("")}>Open ↗</a>
        </div>
      )}
      <Frame key={`${withInternet}:${tab.frame}`} tab={tab} name={name} revision={revision} withInternet={withInternet} onBlocked={setBlocked}
        onLink={setLink} onLook={onLook} />
    </div>
  );
}

interface FrameProps {
  tab: ReportTab;
  name: string;
  revision: number;
  withInternet: boolean;
  onBlocked: (address: string) => void;
  onLink: (address: string) => void;
  onLook: () => void;
}

function Frame({ tab, name, revision, withInternet, onBlocked, onLink, onLook }: FrameProps) {
  const frame = useRef<HTMLIFrameElement>(null);
  const state = useRef({ ready: false, busy: false, edition: NaN, sent: 0, loads: 0, countedFrom: 0, counted: 0 }).current;
  const [height, setHeight] = useState(LEAST_HEIGHT);
  const [gone, setGone] = useState("");
  const [read, setRead] = useState(false);
  const address = useContext(FrameAddress);

  const push = () => {
    if (!state.ready || state.busy) return;
    const replace = state.edition !== tab.edition;
    if (replace) Object.assign(state, { edition: tab.edition, sent: 0 });
    if (!replace && state.sent === tab.chunks.length) return;
    const html = tab.chunks.slice(state.sent).join("");
    state.sent = tab.chunks.length;
    state.busy = true;
    frame.current?.contentWindow?.postMessage({ html, replace }, "*");
  };
  const dress = () => {
    if (frame.current === null) return;
    const theme = themeAt(frame.current);
    frame.current.style.colorScheme = theme.dark ? "dark" : "light";
    frame.current.contentWindow?.postMessage({ theme }, "*");
  };
  const floods = () => {
    const now = Date.now();
    if (now - state.countedFrom > COUNTED_WITHIN_MS) Object.assign(state, { countedFrom: now, counted: 0 });
    state.counted += 1;
    return state.counted > MOST_PAST_KEEPER;
  };
  const restart = () => {
    Object.assign(state, { busy: false, edition: NaN });
    push();
  };
  const latest = useRef(push);
  latest.current = push;

  // A frame may say that it is ready before the next paint, which is when other effects run.
  useLayoutEffect(() => {
    const take = (event: MessageEvent) => {
      const keeper = frame.current?.contentWindow ?? null;
      if (keeper === null || event.source === null) return;
      if (event.source !== keeper) {
        if (isWithin(event.source, keeper) && floods()) setGone("sent this page more messages than it can take");
        return;
      }
      const message = event.data as FromFrame | null;
      if (message === null || typeof message !== "object") return;
      if (message.kind === "ready") {
        state.ready = true;
        dress();
      }
      if (message.kind === "taken") {
        state.busy = false;
        setRead(true);
      }
      if (message.kind === "look") onLook();
      if (message.kind === "left") setGone("tried to leave its place for another page");
      if (message.kind === "link") onLink(safeAddress(String(message.address)) ?? "");
      if (message.kind === "blocked") onBlocked(hostOf(message.address));
      const wanted = Number(message.height);
      if (Number.isFinite(wanted)) setHeight(Math.min(MOST_HEIGHT, Math.max(LEAST_HEIGHT, wanted)));
      latest.current();
    };
    window.addEventListener("message", take);
    return () => window.removeEventListener("message", take);
  }, []);
  useEffect(() => latest.current(), [revision, tab]);
  useEffect(() => watchTheme(dress), []);

  if (gone !== "") return <p class="fnb-quiet">This report {gone}. It is not shown any more.</p>;
  return (
    <>
      {!read && <p class="fnb-quiet fnb-reading" role="status">Reading the report ...</p>}
      <iframe ref={frame} class={`fnb-report-frame${read ? "" : " fnb-unread"}`} sandbox="allow-scripts" title={`Report, ${name}`}
        {...(address === null ? { srcdoc: framePage(withInternet) } : { src: address(withInternet) })}
        referrerpolicy="no-referrer" style={{ height: `${height + 2}px` }}
        onLoad={() => { state.loads += 1; if (state.loads > 1) restart(); }} />
    </>
  );
}

/** Whether a window is in a frame of another: such a message has gone past the keeper, which lets few through. */
function isWithin(source: MessageEventSource, outer: Window): boolean {
  let window = source as Window;
  while ("parent" in window && window.parent !== window) {
    window = window.parent;
    if (window === outer) return true;
  }
  return false;
}

/** The host of an address of the web; a report can say anything here, and nothing else of it is shown. */
function hostOf(address: unknown): string {
  try {
    const { protocol, host } = new URL(String(address));
    return /^(https?|wss?):$/.test(protocol) ? host : "";
  } catch {
    return "";
  }
}
