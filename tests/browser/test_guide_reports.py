"""The reports of the user guide's page, under the cell; what that page leaves out of a report is made here."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.lab import Lab
from tests.browser.test_reports import frame_of
from tests.specification.test_guide import INSTALL, MISSING, PROGRAMS

pytestmark = pytest.mark.skipif(MISSING is not None, reason=MISSING or "")

SETUP = f"%load_ext flyte_nb\n{INSTALL}"
GLOBE = """
def get_html_content():
    return f'''<!DOCTYPE html><html lang="en"><head><title>Globe</title>
        <script src="https://globe.example/globe.js"></script><style>#globe {{ background: black }}</style></head>
        <body><canvas id="globe"></canvas><p id="drawn"></p><script>
            const points = {json.dumps(generate_globe_data())};
            const paper = document.getElementById("globe").getContext("2d");
            for (const {{lat, lng}} of points) paper.fillRect(150 + lng, 75 - lat, 3, 3);
            document.getElementById("drawn").textContent = points.length + " cities";
        </script></body></html>'''
"""
DASHBOARD = """
DATA_PROCESSING_DASHBOARD_HTML = '''<p id="progress"></p><ul id="activity"></ul><script>
    function addActivity(text) {
        const item = document.createElement("li");
        item.textContent = text;
        document.getElementById("activity").append(item);
    }
    function updateDashboard(done, total, rate, success) {
        document.getElementById("progress").textContent = `${done} of ${total} at ${rate}, ${success} %`;
    }
</script>'''
"""


def definitions(name: str) -> str:
    """What a program defines, without what it does as a script."""
    return PROGRAMS[f"reports/{name}"].text.partition("if __name__ ==")[0]


def test_the_simple_report_has_two_tabs(open_notebook: Callable[..., Lab]) -> None:
    lab = open_notebook(SETUP, PROGRAMS["reports/simple.py"].text + "\nr")
    lab.run(0)
    lab.run(1)
    frame = frame_of(lab, 1)
    frame.get_by_text("brown fox").wait_for()
    lab.output(1).get_by_role("button", name="Tab 2").click()
    frame.get_by_text("brown dog").wait_for()


def test_the_globe_is_drawn_and_what_it_would_load_is_named(open_notebook: Callable[..., Lab]) -> None:
    run = "run = flyte.run(generate_globe_visualization)\nrun.wait()\nrun"
    lab = open_notebook(SETUP, definitions("globe_visualization.py") + GLOBE + run)
    lab.run(0)
    lab.run(1)
    frame_of(lab, 1).get_by_text("20 cities").wait_for()
    lab.output(1).get_by_role("status").get_by_text("globe.example", exact=True).wait_for()


def test_the_dashboard_moves_while_its_task_runs(open_notebook: Callable[..., Lab]) -> None:
    run = "run = flyte.run(data_processing_dashboard, total_records=4000)\nflyte_nb.show(run)\nrun.wait()"
    lab = open_notebook(SETUP, definitions("streaming_reports.py") + DASHBOARD + run)
    lab.run(0)
    lab.run(1, wait=False)
    frame = frame_of(lab, 1)
    frame.locator("#progress").filter(has_text="of 4000").wait_for()
    frame.locator("#progress").filter(has_text="4000 of 4000").wait_for()
    frame.get_by_text("Processing Complete!").wait_for()
    assert frame.locator("#activity li").count() > 3
