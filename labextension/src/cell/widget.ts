import { h, render } from "preact";
import { keepsPictures } from "../run/keeping";
import { tellOfLost } from "../run/losing";
import { RunStore } from "../run/store";
import type { ToPage } from "../run/wire";
import styles from "../views/styles.css";
import { RunView } from "../views/run_view";
import { watchReader } from "./attention";
import { watchKernel } from "./kernel_watch";

const SOON_MS = 2_000;
const LEAVE_AFTER_MS = 1_000;

/** Which page this is: all browsers in which a notebook is open hear what its kernel sends to one of them. */
const VIEW = Math.random().toString(36).slice(2);

/** What of anywidget's model is used here. */
interface Model {
  get(name: "name" | "picture"): string;
  send(content: unknown): void;
  on(name: "msg:custom", callback: (content: unknown) => void): void;
  off(name: "msg:custom", callback: (content: unknown) => void): void;
  widget_manager?: unknown;
}

/** A picture on this page. The model that `initialize` gets is another object than the one for `render`. */
interface Place {
  store: RunStore;
  views: number;
  leaving?: ReturnType<typeof setTimeout>;
  isLost: boolean;
  /** Ends what goes on for it without its kernel, if something does. */
  forgetLost?: () => void;
}

/** By picture. */
const places = new Map<string, Place>();

/** Listens from the moment the model exists, so that nothing is lost of what the kernel sends before there is a view. */
function initialize({ model }: { model: Model }): () => void {
  const place = placeOf(model);
  const { store } = place;
  const take = (content: unknown) => {
    const { view } = content as { view?: string };
    if (view === undefined || view === VIEW) store.take(content as ToPage);
  };
  const leave = () => store.leave();
  const comeBack = (event: PageTransitionEvent) => { if (event.persisted && place.views > 0) store.greet(); };
  model.on("msg:custom", take);
  window.addEventListener("pagehide", leave);
  window.addEventListener("pageshow", comeBack);
  const unwatch = watchKernel(model.widget_manager, () => {
    if (place.isLost) return;
    place.isLost = true;
    store.lose();
    if (place.views > 0) place.forgetLost = tellOfLost(store);
  }, leave);
  return () => {
    forget(place);
    window.removeEventListener("pagehide", leave);
    window.removeEventListener("pageshow", comeBack);
    model.off("msg:custom", take);
    unwatch();
    clearTimeout(place.leaving);
    store.close();
    places.delete(model.get("picture"));
  };
}

function renderRun({ model, el }: { model: Model; el: HTMLElement }): () => void {
  addStyles(el);
  el.dataset["fnbPicture"] = model.get("picture");
  const place = placeOf(model);
  const { store } = place;
  place.views += 1;
  clearTimeout(place.leaving);
  if (place.isLost && place.forgetLost === undefined) place.forgetLost = tellOfLost(store);
  if (!store.hasAsked) store.greet();
  render(h(RunView, { store }), el);
  const uncover = coverStaticPicture(store, model.get("picture"));
  const unwatch = watchReader(store, el);
  return () => {
    unwatch();
    uncover();
    render(null, el);
    place.views -= 1;
    // Later: a cell that is moved is drawn again at once, and a picture that gives way has its model closed next.
    if (place.views > 0) return;
    place.leaving = setTimeout(() => {
      store.leave();
      forget(place);
    }, LEAVE_AFTER_MS);
  };
}

function forget(place: Place): void {
  place.forgetLost?.();
  delete place.forgetLost;
}

/** Hides the static picture below, unless it is all there is to see; gives back what shows it again. */
function coverStaticPicture(store: RunStore, picture: string): () => void {
  const sheet = document.createElement("style");
  const below = `.fnb-static-${picture}`;
  sheet.textContent = `${below} { display: none; } .jp-OutputArea-child:has(${below}) { display: none; }`;
  let late = false;
  const cover = () => {
    const isEmpty = store.header === null && (late || store.lost);
    if (isEmpty) sheet.remove();
    else if (!sheet.isConnected) document.head.append(sheet);
  };
  cover();
  const unsubscribe = store.subscribe(cover);
  const timer = setTimeout(() => { late = true; cover(); }, SOON_MS);
  return () => {
    clearTimeout(timer);
    unsubscribe();
    sheet.remove();
  };
}

function placeOf(model: Model): Place {
  const picture = model.get("picture");
  let place = places.get(picture);
  if (place === undefined) {
    place = { store: new RunStore(model.get("name"), (message) => model.send({ ...message, view: VIEW, keeps: keepsPictures() })), views: 0, isLost: false };
    places.set(picture, place);
  }
  return place;
}

function addStyles(el: HTMLElement): void {
  const place = el.getRootNode() instanceof ShadowRoot ? (el.getRootNode() as ShadowRoot) : document.head;
  if (place.querySelector("style[data-flyte-nb]") !== null) return;
  const sheet = document.createElement("style");
  sheet.dataset.flyteNb = "";
  sheet.textContent = styles;
  place.append(sheet);
}

export default { initialize, render: renderRun };
