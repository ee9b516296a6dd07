import { guard } from "./guard";
import type { Theme } from "./theme";

/** Text becomes markup, frame or code by way of the guard alone. */
const GUARDED = "require-trusted-types-for 'script'; trusted-types default flyte-nb";

/** What a report may do in its frame. The first is the rule; the second is what a reader may allow. */
const CLOSED =
  "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data: blob:; style-src 'unsafe-inline' data:; " +
  "img-src data: blob:; font-src data:; media-src data: blob:; worker-src blob:; form-action 'none'; " + GUARDED;
const WITH_INTERNET =
  "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data: blob: https:; style-src 'unsafe-inline' data: https:; " +
  "img-src data: blob: https:; font-src data: https:; media-src data: blob: https:; connect-src https:; " +
  "worker-src blob:; form-action 'none'; " + GUARDED;

/**
 * The page of a report's frame: a keeper around a second frame, in which the report is.
 *
 * A frame's policy does not limit where the frame itself goes, but that of the page around it does: whatever the report
 * navigates to from within the keeper is not asked for. The keeper passes messages on, of each kind the last and never more
 * than twenty times a second, whatever the report sends; and it tells when the report has left.
 */
export function framePage(withInternet: boolean): string {
  const policy = withInternet ? WITH_INTERNET : CLOSED;
  return page(
    policy,
    "html,body,iframe{margin:0;border:0;width:100%;height:100%;display:block;overflow:hidden}",
    `<script>(${keeper.toString()})()</script><iframe sandbox="allow-scripts" title="Report" srcdoc="${quoted(reportPage(policy))}"></iframe>`,
  );
}

/** Content fits the width; what sets a height for itself keeps its shape, and drawings of libraries are no pictures. */
const PICTURES =
  ":where(img,svg[viewBox],canvas,video):where(:not([style*='height'],[width$='%'],[height]:not([width]),svg *))" +
  "{max-width:100%;height:auto}";

/** Tables of frames as JupyterLab shows them, in the colours of the page. */
const FRAMES =
  ":where(table.dataframe){border:none;border-collapse:collapse;font-size:12px;font-variant-numeric:tabular-nums}" +
  ":where(table.dataframe :is(td,th)){border:none;padding:.4em .6em;text-align:right;vertical-align:middle}" +
  ":where(table.dataframe thead){border-bottom:1px solid color-mix(in srgb,currentColor 35%,transparent)}" +
  ":where(table.dataframe tbody tr:nth-child(odd)){background:color-mix(in srgb,currentColor 6%,transparent)}" +
  ":where(table.dataframe tbody tr:hover){background:color-mix(in srgb,currentColor 14%,transparent)}";

/**
 * The page of the report. It takes chunks by message, one after the other, and says how high it is.
 *
 * Scripts in appended chunks run. They come after the page has loaded, so those that wait for its loading are called
 * as soon as they ask.
 */
function reportPage(policy: string): string {
  return page(
    policy,
    "body{margin:0;padding:8px;display:flow-root;font-family:system-ui,sans-serif;font-size:14px}" + PICTURES + FRAMES,
    `<script>(${inside.toString()})(${guard.toString()})</script>`,
  );
}

function page(policy: string, style: string, body: string): string {
  return (
    `<!DOCTYPE html><html><head><meta charset="utf-8"><base href="about:srcdoc"><meta http-equiv="Content-Security-Policy" content="${policy}">` +
    `<style>${style}</style></head><body>${body}</body></html>`
  );
}

function quoted(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
}

/** Runs in the keeper, as text: it may use nothing of this module. */
function keeper(): void {
  let loads = 0;
  const report = () => document.querySelector("iframe")!;
  document.addEventListener("load", (event) => {
    if (event.target === report()) loads += 1;
    if (loads > 1) parent.postMessage({ kind: "left" }, "*");
  }, true);
  const kinds = new Set(["ready", "taken", "height", "blocked", "look", "link"]);
  const waiting = new Map<string, object>();
  let resting = false;
  const pass = () => {
    resting = waiting.size > 0;
    if (!resting) return;
    for (const message of waiting.values()) parent.postMessage(message, "*");
    waiting.clear();
    setTimeout(pass, 50);
  };
  window.addEventListener("message", (event) => {
    if (event.source === parent) {
      const { theme } = event.data as { theme?: { dark: boolean } };
      if (theme !== undefined) document.documentElement.style.colorScheme = report().style.colorScheme = theme.dark ? "dark" : "light";
      report().contentWindow!.postMessage(event.data, "*");
      return;
    }
    const message = event.data as { kind?: unknown; height?: unknown; address?: unknown } | null;
    if (event.source !== report().contentWindow || typeof message?.kind !== "string" || !kinds.has(message.kind)) return;
    const { kind, height, address } = message;
    waiting.set(kind, { kind, height: Number(height), address: String(address).slice(0, 10_000) });
    if (!resting) pass();
  });
}

/** Runs inside the frame, as text: it may use nothing of this module but what it gets. */
function inside(close: typeof guard): void {
  const page = document;
  page.currentScript!.remove();
  const say = (message: object) => parent.postMessage(message, "*");
  const { parse } = close();
  // Whatever a report says of its own colours counts more than this.
  const dressed = page.head.insertBefore(page.createElement("style"), page.head.querySelector("style"));
  const dress = ({ dark, ground, text }: Theme) => {
    dressed.textContent = `:where(:root){color-scheme:${dark ? "dark" : "light"};background:${ground};color:${text}}`;
  };
  const loaded = new Set(["DOMContentLoaded", "load"]);
  for (const target of [document, window] as EventTarget[]) {
    const add = target.addEventListener.bind(target);
    target.addEventListener = (type: string, listener: EventListenerOrEventListenerObject | null, options?: unknown) => {
      if (!loaded.has(type) || listener === null) {
        add(type, listener, options as AddEventListenerOptions);
        return;
      }
      queueMicrotask(() => {
        const event = new Event(type);
        if (typeof listener === "function") listener.call(target, event);
        else listener.handleEvent(event);
      });
    };
  }
  Object.defineProperty(window, "onload", {
    set: (listener: unknown) => {
      if (typeof listener === "function") queueMicrotask(() => listener.call(window, new Event("load")));
    },
  });
  page.addEventListener("securitypolicyviolation", (event) => say({ kind: "blocked", address: String(event.blockedURI) }));
  window.addEventListener("message", (event) => {
    if (event.source !== parent) return;
    const { html, replace, theme } = event.data as { html: string; replace: boolean; theme?: Theme };
    if (theme !== undefined) {
      dress(theme);
      return;
    }
    if (replace) page.body.replaceChildren();
    try {
      page.body.append(parse(html));
    } finally {
      say({ kind: "taken", height: page.body.scrollHeight });
    }
  });
  page.addEventListener("click", (event) => {
    const link = event.composedPath().find((one) => one instanceof Element && one.localName === "a") as Element | undefined;
    const address = link?.getAttribute("href") ?? link?.getAttribute("xlink:href") ?? "#";
    if (!event.isTrusted || address.startsWith("#") || /^javascript:/i.test(address)) return;
    event.preventDefault();
    say({ kind: "link", address });
  });
  let looked = 0;
  for (const sign of ["pointermove", "wheel", "keydown"])
    window.addEventListener(sign, () => {
      if (Date.now() - looked < 1_000) return;
      looked = Date.now();
      say({ kind: "look" });
    }, { passive: true });
  new ResizeObserver(() => say({ kind: "height", height: page.body.scrollHeight })).observe(page.body);
  say({ kind: "ready" });
}
