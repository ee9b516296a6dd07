"""Whatever in a run means harm is text in every place where a browser shows the run, and reaches nobody elsewhere.

The places beside the cell: the page of `flyte-nb ui`, the form of a question, JupyterLab's panel, its notices, and a
notebook that was opened again.
"""

from __future__ import annotations

import html
import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flyte_nb.remote import Run
from tests.browser.lab import Lab
from tests.browser.listener import Listener
from tests.browser.test_hostile_reports import LOADS, SENDS, TOUCHES
from tests.ui import Ui

HOSTILE = """
import asyncio
from dataclasses import dataclass
import flyte_nb as flyte
from flyte_nb import hitl
env = flyte.TaskEnvironment("hostile", depends_on=[hitl.env])

def hit(where):
    return (f"{where}<img src='LISTENER/{where}' onerror='window.hit=1'></title></textarea></style></script>-->"
            f"<svg/onload=window.hit=1><iframe srcdoc='<script>top.hit=1</script>'></iframe>"
            f"<script>window.hit=1</script>")

MARKDOWN = '''[script](javascript:window.hit=1) [data](data:text/html,<script>top.hit=1</script>)
<javascript:window.hit=1>
![picture](LISTENER/picture "t' onerror=window.hit=1 '") <img src=LISTENER/raw onerror=window.hit=1>
[title](https://example.org "x' onmouseover='window.hit=1")

| a |
|---|
| <svg/onload=window.hit=1> |

```html" onload="window.hit=1
</code></pre><script>window.hit=1</script>
```
'''

@dataclass
class Link(flyte.Link):
    name: str = ""
    address: str = ""
    def get_link(self, *args, **kwargs):
        return self.address

LINKS = (
    Link(hit("link"), "javascript:window.hit=1//"),
    Link("data", "data:text/html,<script>top.hit=1</script>"),
    Link("quoted", "https://example.org/'\\"><img src=LISTENER/quoted onerror=window.hit=1>"),
    Link("honest", "LISTENER/honest"),
)

@flyte.trace
async def traced(text: str) -> str:
    return text

@env.task(links=LINKS, report=True)
async def fails(text: str) -> None:
    print(hit("printed"))
    flyte.logger.warning(hit("logged"))
    flyte.report.log(REPORT)
    flyte.report.get_tab(hit("tab")).log("<p>a tab</p>")
    await traced(hit("traced"))
    raise ValueError(hit("error"))

@env.task
async def parent() -> str:
    with flyte.group(hit("group")):
        try:
            await fails.override(short_name=hit("task"))(hit("value"))
        except Exception:
            pass
    question = await hitl.new_event.aio(hit("question"), data_type=str, prompt=hit("prompt") + MARKDOWN)
    return await question.wait.aio()

@env.task
async def root() -> str:
    return await parent.override(short_name=hit("parent"))()

def start():
    context = {hit("key"): hit("context")}
    return flyte.with_runcontext(name="hostile", labels={"label": hit("label")}, custom_context=context).run(root)
"""
# A kernel that cleans nothing: the pages are alone with what a question says and where a link leads.
UNCLEAN = """
from flyte_nb._engine import links
from flyte_nb._view import prompts
links.problem_with = lambda address: ""
prompts.prompt_html = lambda text: text
"""
ANSWER = "answer<img src=x onerror='window.hit=1'><script>window.hit=1</script>"
IN_A_RUN = {"parent", "task", "group", "value", "error", "link", "printed", "logged", "tab", "traced", "key", "context"}

LIVE_MARKUP = """() => [...document.querySelectorAll("*")].filter((element) => [...element.attributes].some(
    ({name, value}) => /^on/i.test(name) || (/^(href|src|action|formaction|data)$/i.test(name) && (
        /^\\s*javascript:/i.test(value) || /^\\s*data:text\\/html/i.test(value)))
)).map((element) => element.outerHTML.slice(0, 200))"""


def program(listener: Listener) -> str:
    """Cells that make the run, with the listener's address in them."""
    report = (TOUCHES + LOADS + SENDS).replace("PACKETS", str(listener.packets))
    return f"REPORT = {report!r}\n{HOSTILE}".replace("LISTENER", listener.address)


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Hears whatever gets out of a page."""
    listener = Listener()
    yield listener
    listener.close()


class Looker:
    """Looks at a page again and again: nothing hostile in it is alive, and what it says is kept."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.said = ""

    def look(self, part: Any = None) -> None:
        """All that is on the page; `part` is what is read of it."""
        assert self.page.evaluate("() => window.hit") is None
        assert self.page.evaluate(LIVE_MARKUP) == []
        self.said += (part or self.page.locator("body")).inner_text()

    def read(self, run: Any) -> None:
        """All panes of the actions of a run."""
        run.get_by_role("treeitem").filter(has_text="task<img").first.click()
        run.locator(".fnb-traceback").wait_for()
        self.look()
        run.get_by_role("button", name="Logs").click()
        run.get_by_label("Log", exact=True).get_by_text("logged<img").wait_for()
        self.look()
        run.get_by_role("button", name="Report").click()
        keeper = run.frame_locator("iframe.fnb-report-frame")
        report = keeper.frame_locator("iframe")
        report.get_by_text("touched: []").wait_for()
        report.get_by_text("calls from within: none").wait_for()
        report.get_by_text("fetch: refused").wait_for()
        for frame in (keeper, report):  # each alone would hold: neither may be missing unseen
            assert frame.locator("body").evaluate("() => self.origin") == "null"
        assert keeper.locator("iframe").get_attribute("sandbox") == "allow-scripts"
        self.look()
        run.get_by_role("tree").press("ArrowRight")
        run.get_by_role("treeitem").filter(has_text="trace").first.click()
        run.get_by_role("button", name="Overview").click()
        run.locator(".fnb-variables").get_by_text("traced<img").first.wait_for()
        self.look()
        run.get_by_role("button", name="Timeline").click()
        run.get_by_role("img", name=re.compile("Timeline")).wait_for()
        self.look()

    def assert_said(self, places: set[str]) -> None:
        """Each of them was there, as text."""
        missing = {place for place in places if f"{place}<img src=" not in self.said}
        assert not missing, missing


def answer_in(form: Any) -> None:
    """Give the hostile answer."""
    field = form.get_by_role("textbox")
    field.fill(ANSWER)
    field.press("Control+Enter")


def test_nothing_hostile_in_a_run_is_more_than_text_on_the_page_of_a_script(
    chromium: Any, start_ui: Callable[..., Ui], home: Path, listener: Listener
) -> None:
    cell: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(program(listener), "<cell>", "exec"), cell)
    run: Run = cell["start"]()
    ui = start_ui(home)
    context = chromium.new_context()
    page = context.new_page()
    try:
        page.goto(f"{ui.address}/flyte-nb/?token={ui.token}")
        looker = Looker(page)
        form = page.locator(".fnb-panel").get_by_role("form", name=re.compile("question<img"))
        form.get_by_text("prompt<img").first.wait_for()
        looker.look()
        page.locator(".fnb-panel .fnb-line").filter(has_text="hostile").click()
        looker.read(page.locator(".fnb-run-page"))
        [question] = json.loads(_fetched(ui, "/flyte-nb/api/inbox"))
        form_page = context.new_page()
        form_page.goto(f"{ui.address}/flyte-nb/form/hostile/{question['question']['prompt']}")
        beside = Looker(form_page)
        form_page.get_by_role("heading", name=re.compile("question<img")).wait_for()
        beside.look()
        answer_in(form)
        run.wait()
        page.locator(".fnb-run-page .fnb-answered").get_by_text("answer<img").wait_for()
        looker.look()
        form_page.reload()
        form_page.get_by_text("answer<img").wait_for()
        beside.look()

        looker.assert_said(IN_A_RUN | {"question", "prompt", "answer"})
        beside.assert_said({"question", "prompt", "answer"})
        assert listener.heard_nothing_but_the_test(), listener.heard
        page.evaluate(
            "() => document.head.append(Object.assign(document.createElement('script'), {textContent: 'window.hit=1'}))"
        )
        looker.look()
        page.locator(".fnb-run-page").get_by_role("button", name="Tree").click()
        page.locator(".fnb-run-page").get_by_role("treeitem").filter(has_text="task<img").first.click()
        page.locator(".fnb-run-page").get_by_role("button", name="Overview").click()
        with context.expect_page() as opened:
            page.get_by_role("link", name="honest").click()
        assert opened.value.evaluate("() => [window.opener, document.referrer]") == [None, ""]
        assert ui.token not in "\n".join(listener.said)
    finally:
        context.close()
        run.abort()


def _fetched(ui: Ui, path: str) -> str:
    with urllib.request.urlopen(urllib.request.Request(ui.address + path, headers=ui.headers)) as response:
        return str(response.read().decode())


def test_nothing_hostile_in_a_run_is_more_than_text_in_the_panel_its_notices_and_a_notebook_opened_again(
    open_notebook: Callable[..., Lab], listener: Listener
) -> None:
    settles = "from flyte_nb._notebook import displayed\ndisplayed.SETTLE_AFTER_S = 0.2\n"
    lab = open_notebook("%load_ext flyte_nb\n" + settles + UNCLEAN + program(listener), "run = start()\nrun")
    looker = Looker(lab.page)
    lab.run(0)
    lab.run(1)
    lab.output(1).get_by_role("tree").wait_for()
    lab.output(1).get_by_role("form", name=re.compile("question<img")).wait_for()
    looker.look()
    lab.command("flyte-nb:show-runs")
    panel = lab.page.locator(".fnb-panel")
    form = panel.get_by_role("form", name=re.compile("question<img"))
    form.get_by_text("prompt<img").first.wait_for()
    looker.look()
    lab.command("launcher:create")
    panel.locator(".fnb-line").filter(has_text="hostile").first.click()
    looker.read(lab.page.get_by_role("region", name="Run hostile"))
    lab.command("launcher:create")
    answer_in(form)
    toast = lab.page.locator(".Toastify__toast").filter(has_text="(hostile) succeeded")
    toast.wait_for()
    looker.look()
    toast.get_by_role("button", name="Show").click()
    run = lab.page.get_by_role("region", name="Run hostile")
    run.locator(".fnb-answered").get_by_text("answer<img").wait_for()
    looker.look()
    looker.assert_said(IN_A_RUN | {"question", "prompt", "answer"})

    lab.command("docmanager:open", {"path": lab.path.name})
    lab.output(1).locator("details").first.wait_for()
    saved = lab.save()
    kept = "".join(output["data"].get("text/html", "") for output in saved.cells[1].outputs if "data" in output)
    assert "hostile" in kept
    assert not re.search(r"<(script|img|svg|iframe)", kept.replace("<svg class=", ""))
    reopened = open_notebook(notebook=saved)
    reopened.command("kernelmenu:shutdown", wait=False)
    reopened.output(1).get_by_text("succeeded").first.wait_for()
    for fold in reopened.output(1).locator("details").all():
        fold.evaluate("fold => { fold.open = true; }")
    again = Looker(reopened.page)
    again.look(reopened.output(1))
    again.assert_said({"parent", "task", "group", "error"})
    assert listener.heard_nothing_but_the_test(), listener.heard
    assert html.unescape(kept).count("<img") > 0
