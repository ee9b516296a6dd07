"""Too much, or what means harm: it is contained, said clearly, and the page stays usable."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.browser.lab import Lab
from tests.browser.test_reports import frame_of

SETUP = """
%load_ext flyte_nb
import asyncio, logging, pathlib
import flyte_nb as flyte
from flyte_nb import hitl
env = flyte.TaskEnvironment("bad", depends_on=[hitl.env])
"""


def test_a_report_of_50_mb_is_named_with_its_size_and_the_rest_can_be_used(open_notebook: Callable[..., Lab]) -> None:
    lab = open_notebook(
        SETUP,
        """
@env.task(report=True)
async def large() -> int:
    for _ in range(50):
        flyte.report.log("<p>" + "x" * 1_000_000 + "</p>")
    flyte.report.get_tab("Summary").log("<p>it is long</p>")
    return 7

run = flyte.run(large)
run.wait()
run
""",
    )
    lab.run(0)
    lab.run(1)
    frame_of(lab, 1).get_by_text("This tab has 50 MB; a page draws up to 8 MB").wait_for()
    lab.output(1).get_by_role("button", name="Summary").click()
    frame_of(lab, 1).get_by_text("it is long").wait_for()
    lab.output(1).get_by_role("button", name="Overview").click()
    lab.output(1).locator(".fnb-variables").get_by_text("7", exact=True).wait_for()


def test_a_million_lines_of_one_task_can_be_looked_at_while_more_come(
    open_notebook: Callable[..., Lab], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    lab = open_notebook(
        SETUP,
        f"""
log = logging.getLogger("talks")
log.setLevel("INFO")

@env.task
async def talks() -> None:
    for block in range(1_000):
        log.info("\\n".join(f"line {{1_000 * block + line}}" for line in range(1_000)))
    while not pathlib.Path({str(gate)!r}).exists():
        await asyncio.sleep(0.01)
    log.info("the last line")

run = flyte.run(talks)
flyte.show(run)
run.wait()
""",
    )
    lab.run(0)
    lab.run(1, wait=False)
    output = lab.output(1)
    output.get_by_role("treeitem").filter(has_text="talks").click()
    output.get_by_role("button", name="Logs").click()
    log = output.get_by_label("Log", exact=True)
    log.get_by_text("line 999999").wait_for()
    output.get_by_text(re.compile(r"These are the last lines\..*All of them: run\.show_logs\(", re.DOTALL)).wait_for()
    at_end = "e => e.scrollTop + e.clientHeight >= e.scrollHeight - 4"
    lab.page.wait_for_function(f"() => ({at_end})(document.querySelector('.fnb-log'))")
    scroll_end = (
        "e => { window.arrived = new Promise((done) => e.addEventListener('scrollend', done, { once: true })); }"
    )
    for _ in range(5):  # a flood that the server has cut is asked for anew, which ends a scroll that is under way
        log.evaluate(scroll_end)
        log.press("Home")
        lab.page.evaluate("() => window.arrived.then(() => null)")
        if log.evaluate("e => e.scrollTop") == 0:
            break
    lab.page.wait_for_function("() => document.querySelector('.fnb-log')?.scrollTop === 0")
    gate.touch()
    log.get_by_text("the last line").wait_for()
    assert log.evaluate("e => e.scrollTop") == 0
    log.press("End")
    lab.page.wait_for_function(f"() => ({at_end})(document.querySelector('.fnb-log'))")


def test_markup_in_names_logs_errors_links_and_questions_is_text_everywhere(
    open_notebook: Callable[..., Lab], tmp_path: Path
) -> None:
    lab = open_notebook(
        SETUP,
        """
from dataclasses import dataclass
from flyte_nb._notebook import displayed
displayed.SETTLE_AFTER_S = 0.2
def hit(where):
    return f'{where}<img src=x onerror="window.hit=1"><script>window.hit=1</script>'

@dataclass
class Link(flyte.Link):
    name: str = ""
    def get_link(self, *args, **kwargs):
        return "javascript:window.hit=1//" + hit("address")

@flyte.trace
async def traced(text: str) -> str:
    return text

@env.task(links=(Link(name=hit("link")),), report=True)
async def fails(text: str) -> None:
    print(hit("printed"))
    flyte.logger.warning(hit("logged"))
    flyte.report.log("<p>the main one</p>")
    flyte.report.get_tab(hit("tab")).log("<p>a tab</p>")
    await traced(hit("traced"))
    raise ValueError(hit("error"))

@env.task
async def parent() -> str:
    prompt = hit("prompt ") + " [a](javascript:window.hit=1)"
    question = await hitl.new_event.aio(hit("question"), data_type=str, prompt=prompt)
    with flyte.group(hit("group")):
        try:
            await fails.override(short_name=hit("task"))(hit("value"))
        except Exception:
            pass
    return await question.wait.aio()

run = flyte.run(parent)
flyte.show(run)
run.wait()
""",
        "flyte.show(run)",
    )
    lab.run(0)
    lab.run(1, wait=False)
    output = lab.output(1)
    seen: list[str] = []

    def look(cell: int = 1) -> None:
        assert lab.output(cell).locator("img").count() == 0
        assert lab.page.evaluate("() => window.hit") is None
        seen.append(lab.text(cell))

    output.get_by_role("treeitem").filter(has_text="task<img").click()
    output.locator(".fnb-traceback").wait_for()
    look()
    output.get_by_role("button", name="Logs").click()
    output.get_by_label("Log", exact=True).get_by_text("logged<img").wait_for()
    look()
    output.get_by_role("button", name="Report").click()
    output.locator("iframe").wait_for()
    look()
    output.get_by_role("treeitem").filter(has_text="trace").click()
    output.get_by_role("button", name="Overview").click()
    output.locator(".fnb-variables").get_by_text("traced<img").first.wait_for()
    look()
    output.get_by_role("button", name="Timeline").click()
    output.get_by_role("img", name=re.compile("Timeline")).wait_for()
    look()
    output.get_by_label("Filter by name").fill('<img src=x onerror="window.hit=1">')
    answer = output.locator("textarea")
    answer.fill('answer<img src=x onerror="window.hit=1">')
    answer.press("Control+Enter")
    output.locator(".fnb-answered").get_by_text("answer<img").wait_for()
    look()
    lab.run(2)
    lab.output(2).locator("details").first.wait_for()
    look(2)
    shown = "\n".join(seen)
    for where in (
        "task",
        "group",
        "link",
        "value",
        "printed",
        "logged",
        "error",
        "tab",
        "traced",
        "question",
        "answer",
    ):
        assert f"{where}<img src=x" in shown, where


def test_what_was_known_stays_when_the_kernel_dies_and_says_what_to_do(open_notebook: Callable[..., Lab]) -> None:
    lab = open_notebook(
        SETUP,
        """
@env.task
async def step(n: int) -> int:
    return n

run = flyte.run(step, 3)
run.wait()
run
""",
    )
    lab.run(0)
    lab.run(1)
    output = lab.output(1)
    output.locator(".fnb-state").filter(has_text="succeeded").wait_for()
    name = output.locator(".fnb-name").inner_text()
    lab.server.get(f"/api/kernels/{lab.kernel}/restart", "POST")  # as another program does
    output.get_by_role("treeitem").filter(has_text="step").click()
    output.get_by_text(re.compile("kernel that told of this run is gone.*flyte_nb.show")).wait_for()
    output.get_by_text("This was not read before the kernel went away.").wait_for()
    saved = lab.save()
    static = next(one["data"]["text/html"] for one in saved.cells[1].outputs if one.get("data", {}).get("text/html"))
    assert name in static
    assert "succeeded" in static
