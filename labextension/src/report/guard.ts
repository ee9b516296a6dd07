/** How text becomes markup in a page that is guarded. */
export interface Guard {
  /** The HTML as nodes that may be added. */
  parse(html: string): DocumentFragment;
  /** Goes on with the page, which is being parsed, with this HTML. */
  write(html: string): void;
}

/**
 * Closes ways out of a report that a policy leaves open. Runs in the report's frame before the report does, as text: it
 * may use nothing of this module.
 *
 * No policy that browsers follow speaks of WebRTC: it is taken away, and with it every way to a page that still has it.
 * Such a page is one that a frame inside the report is given as text (`srcdoc`), or that a `javascript:` address makes.
 * Trusted types make the browser itself ask here about every text that is to become markup, frame or code: the page of a
 * frame is written by a guard of its own, so that it is empty where that may not run, and no other text can give a frame
 * its page. What reaches the parser by other ways is taken away too. A browser without trusted types is left with an
 * observer, which sees no shadow root that HTML makes.
 *
 * No policy speaks of hints to look up a host or to connect to it: those in HTML are taken out. A script can still make
 * others, and a forbidden navigation has looked up its host by the time it is forbidden; neither carries more than a name.
 *
 * The report can replace whatever it reaches, so all that is used later is taken at the start and called with `apply`.
 */
export function guard(): Guard {
  const { apply } = Reflect;
  const { setAttribute, getAttribute, hasAttribute, removeAttribute, attachShadow, insertAdjacentHTML } = Element.prototype;
  const { startsWith, endsWith, includes, indexOf, slice, toLowerCase } = String.prototype;
  const { createTreeWalker, createRange, write: writeNatively } = Document.prototype;
  const { nextNode } = TreeWalker.prototype;
  const { createContextualFragment, selectNodeContents } = Range.prototype;
  const { observe } = MutationObserver.prototype;
  const { join } = Array.prototype;
  const { stringify } = JSON;
  const page = document;
  const getter = (of: object, name: string) => Object.getOwnPropertyDescriptor(of, name)!.get!;
  const nameOf = getter(Element.prototype, "localName");
  const spaceOf = getter(Element.prototype, "namespaceURI");
  const contentOf = getter(HTMLTemplateElement.prototype, "content");
  const bodyOf = getter(Document.prototype, "body");
  const has = (text: string, part: string) => apply(includes, text, [part]) as boolean;
  const lower = (text: string) => apply(toLowerCase, text, []) as string;
  const take = (of: object, name: string) => Object.defineProperty(of, name, { value: undefined, writable: false, configurable: false });

  const SRCDOC = "srcdoc";
  const HELD = "src_doc";
  const HTML = "http://www.w3.org/1999/xhtml";
  const itself = `<!DOCTYPE html><script>(${guard.toString()})().write(`;
  for (const name of ["RTCPeerConnection", "webkitRTCPeerConnection", "XSLTProcessor"]) take(window, name);
  const makers = (window as { trustedTypes?: { createPolicy(name: string, rules: object): { createHTML(text: string): string } } }).trustedTypes;

  const replaced = (text: string, small: string, part: string, by: string): string => {
    let done = "";
    let from = 0;
    for (let at = apply(indexOf, small, [part]); at >= 0; at = apply(indexOf, small, [part, from])) {
      done += apply(slice, text, [from, at]) + by;
      from = at + part.length;
    }
    return done + apply(slice, text, [from]);
  };
  /**
   * The text with another word for "srcdoc", in which no parser finds the page of a frame. What XML would declare is not
   * declared, as it could be written in parts: XML says that it is wrong then, and in HTML it is a comment anyway.
   */
  const hold = (html: string): string => {
    // Of all characters this one alone is longer when it is small, and would move what stands after it.
    const small = lower(replaced(html, html, "\u0130", "I"));
    const declared = replaced(html, small, "<!entity", "<!no_entity");
    const moved = declared === html ? small : lower(replaced(declared, declared, "\u0130", "I"));
    return replaced(declared, moved, SRCDOC, HELD);
  };
  const guarded = (html: string): string => {
    const text = apply(stringify, JSON, [html]) as string;
    return `${itself}${replaced(text, text, "<", "\\u003c")})</` + "script>";
  };

  makers?.createPolicy("default", {
    createHTML: (html: string, _: string, sink: string) => (apply(endsWith, sink, [SRCDOC]) ? guarded(html) : hold(html)),
    // A `javascript:` address that has a text for its result would make a page of it.
    createScript: (code: string, _: string, sink: string) => (sink === "Location href" ? `${code}\n;void 0` : code),
    createScriptURL: (address: string) => address,
  });
  const own = makers?.createPolicy("flyte-nb", { createHTML: (html: string) => html });
  const ownHTML = own?.createHTML;
  const trusted = (html: string) => (ownHTML === undefined ? html : apply(ownHTML, own, [html])) as string;
  for (const name of ["trustedTypes", "TrustedHTML", "TrustedScript", "TrustedScriptURL"]) take(window, name);
  for (const kind of [Element, ShadowRoot, Document, DocumentFragment])
    for (const of of [kind, kind.prototype])
      for (const name of Object.getOwnPropertyNames(of))
        if (/HTMLUnsafe$|^stream/.test(name) && !/^(set|parse)HTMLUnsafe$/.test(name)) take(of, name);
  // These would take a text in parts, and the page of the report away; its scripts come when it has been parsed.
  const write = (...parts: string[]) => {
    apply(insertAdjacentHTML, apply(bodyOf, page, []), ["beforeend", apply(join, parts, [""])]);
  };
  const written: [string, unknown][] = [["write", write], ["writeln", write], ["open", () => page]];
  for (const [name, value] of written)
    Object.defineProperty(Document.prototype, name, { value, writable: false, configurable: false });

  const guardFrame = (frame: Element) => {
    const held = apply(getAttribute, frame, [HELD]) as string | null;
    const text = held ?? (apply(getAttribute, frame, [SRCDOC]) as string | null);
    if (held !== null) apply(removeAttribute, frame, [HELD]);
    if (text === null) apply(removeAttribute, frame, ["src"]);
    else apply(setAttribute, frame, [SRCDOC, own === undefined ? guarded(text) : text]);
  };
  const clean = (root: Node) => {
    const walker = apply(createTreeWalker, page, [root, 1]) as TreeWalker;
    for (;;) {
      const element = apply(nextNode, walker, []) as Element | null;
      if (element === null) return;
      const name = apply(nameOf, element, []) as string;
      if (name === "iframe" || name === "frame") guardFrame(element);
      else if (name === "template" && apply(spaceOf, element, []) === HTML) clean(apply(contentOf, element, []) as Node);
      else if (name === "link") {
        const relation = lower((apply(getAttribute, element, ["rel"]) as string | null) ?? "");
        if (has(relation, "dns-prefetch") || has(relation, "preconnect")) apply(removeAttribute, element, ["rel"]);
      }
    }
  };

  // Frames that scripts add: with trusted types they have at most a text that was held back.
  const look = (frame: Element) => {
    const text = apply(getAttribute, frame, [SRCDOC]) as string | null;
    if (apply(hasAttribute, frame, [HELD]) || text === null || (own === undefined && !apply(startsWith, text, [itself])))
      guardFrame(frame);
  };
  const observer = new MutationObserver((changes) => {
    for (const { type, target, addedNodes } of changes) {
      if (type === "attributes" && target instanceof HTMLIFrameElement) look(target);
      for (const added of addedNodes) {
        if (added instanceof HTMLIFrameElement) look(added);
        else if (added instanceof Element) for (const frame of added.querySelectorAll("iframe")) look(frame);
      }
    }
  });
  const watch = (root: Node) =>
    apply(observe, observer, [root, { childList: true, subtree: true, attributeFilter: ["src", SRCDOC, HELD] }]);
  watch(page);
  Element.prototype.attachShadow = function (this: Element, init: ShadowRootInit): ShadowRoot {
    const root = apply(attachShadow, this, [init]) as ShadowRoot;
    watch(root);
    return root;
  };

  return {
    parse: (html) => {
      const range = apply(createRange, page, []) as Range;
      apply(selectNodeContents, range, [apply(bodyOf, page, [])]);
      const fragment = apply(createContextualFragment, range, [trusted(html)]) as DocumentFragment;
      clean(fragment);
      return fragment;
    },
    write: (html) => apply(writeNatively, page, [trusted(hold(html))]),
  };
}
