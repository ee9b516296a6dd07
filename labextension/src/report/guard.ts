/**
 * Closes ways out of a report that a policy leaves open. Runs in the report's frame before the report does, as text: it
 * may use nothing of this module. Gives back what is to be done with HTML before it is added.
 *
 * No policy that browsers follow speaks of WebRTC: it is taken away, also from frames inside the report. None speaks of
 * hints to look up a host or to connect to it: those in HTML are taken out. A script can still make others, and a forbidden
 * navigation has looked up its host by the time it is forbidden; neither carries more than a name.
 *
 * What is used later is taken at the start, because the report can replace it.
 */
export function guard(): (added: ParentNode) => void {
  const { apply } = Reflect;
  const { setAttribute, getAttribute, removeAttribute, attachShadow } = Element.prototype;
  const { startsWith } = String.prototype;
  const observe = MutationObserver.prototype.observe;

  for (const name of ["RTCPeerConnection", "webkitRTCPeerConnection"])
    Object.defineProperty(window, name, { value: undefined, writable: false, configurable: false });

  const itself = `<script>(${guard.toString()})()</` + "script>";
  const guardFrame = (frame: Element) => {
    const page = apply(getAttribute, frame, ["srcdoc"]) as string | null;
    if (page === null) apply(removeAttribute, frame, ["src"]);
    else if (!apply(startsWith, page, [itself])) apply(setAttribute, frame, ["srcdoc", itself + page]);
  };
  const clean = (added: ParentNode) => {
    for (const element of added.querySelectorAll("iframe, frame, link")) {
      if (!(element instanceof HTMLLinkElement)) guardFrame(element);
      else if (/dns-prefetch|preconnect/i.test(element.rel)) element.remove();
    }
  };
  const observer = new MutationObserver((changes) => {
    for (const { type, target, addedNodes } of changes) {
      if (type === "attributes" && /^i?frame$/i.test((target as Element).tagName)) guardFrame(target as Element);
      for (const added of addedNodes) {
        if (!(added instanceof Element)) continue;
        if (/^i?frame$/i.test(added.tagName)) guardFrame(added);
        clean(added);
      }
    }
  });
  const watch = (root: Node) =>
    apply(observe, observer, [root, { childList: true, subtree: true, attributeFilter: ["src", "srcdoc"] }]);
  watch(document);
  Element.prototype.attachShadow = function (this: Element, init: ShadowRootInit): ShadowRoot {
    const root = apply(attachShadow, this, [init]) as ShadowRoot;
    watch(root);
    return root;
  };
  return clean;
}
