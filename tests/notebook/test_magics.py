"""The magics, in a real kernel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import nbclient
import nbformat
import pytest

if TYPE_CHECKING:
    from .conftest import Notebook

SETUP = """
%load_ext flyte_nb
import asyncio
import flyte_nb as flyte
env = flyte.TaskEnvironment("magics")

@env.task
async def double(x: int) -> int:
    return 2 * x
"""


@pytest.fixture
def cells(module_notebook: Notebook) -> Notebook:
    """A kernel in which other tests have run cells before."""
    module_notebook.run(SETUP)
    return module_notebook


@pytest.fixture
def fresh_cells(notebook: Notebook) -> Notebook:
    """A kernel of its own."""
    notebook.run(SETUP)
    return notebook


def test_a_cell_becomes_the_root_action_with_top_level_await_and_its_names_stay(cells: Notebook) -> None:
    result = cells.run("%%flyte_run --name cell\nvalues = await asyncio.gather(double(1), double(2))\nsum(values)")
    assert result.value == "6"
    assert cells.run("values").value == "[2, 4]"
    shown = cells.run("run = flyte.Run.get('cell'); [a.task_name for a in run.details().actions], str(run.phase)")
    assert shown.value == "(['notebook.cell', 'magics.double', 'magics.double'], 'succeeded')"


def test_the_output_of_a_finished_run_is_a_static_picture_without_script(cells: Notebook) -> None:
    result = cells.run("%%flyte_run\nawait double(1)\nNone")
    [picture] = [data for data in result.results if "text/html" in data]
    assert "widget-view" not in "".join(picture)
    assert "<script" not in picture["text/html"]
    assert "double" in picture["text/html"]
    assert "succeeded" in picture["text/plain"]


def test_the_users_own_exception_leaves_the_cell(cells: Notebook) -> None:
    result = cells.run("%%flyte_run --no-view\nraise KeyError('mine')", ok=False)
    assert result.status == "error"
    assert "KeyError" in result.error and "mine" in result.error
    assert "_engine" not in result.error


@pytest.fixture(scope="module")
def misused(module_notebook: Notebook) -> Notebook:
    """A kernel that has seen one run, `done`."""
    module_notebook.run(SETUP)
    module_notebook.run("flyte.with_runcontext(name='done').run(double, 1).wait()")
    return module_notebook


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("%%flyte_run --nonsense\n1", "Unknown option '--nonsense'"),
        ("%%flyte_run nonsense\n1", "Unknown option 'nonsense'"),
        ("%%flyte_run --detach=1\n1", "Unknown option '--detach=1'"),
        ("%%flyte_run --detatch\n1", "Unknown option '--detatch' (did you mean '--detach'?)"),
        ("%%flyte_run --quue=big\n1", "Unknown option '--quue=big' (did you mean '--queue'?)"),
        ("%%flyte_run --name\n1", "--name needs a value"),
        ("%%flyte_run --name=\n1", "--name needs a value"),
        ("%%flyte_run --queue\n1", "--queue needs a value"),
        ("%%flyte_run --name a --name=b\n1", "--name is given twice"),
        ("%%flyte_run --context a\n1", "--context takes key=value, got 'a'"),
        ("%%flyte_run --context =b\n1", "--context takes key=value, got '=b'"),
        ('%%flyte_run --name "abc\n1', "No closing quotation"),
        ("%%flyte_run --name 'bad name!/..'\n1", "letters, digits"),
        ("%%flyte_run --name done\n1", "A run named 'done' exists already"),
        ("%%flyte_run --mode nonsense\n1", "'nonsense'"),
        ("%%flyte_run --queue nonsense\n1", "queue 'nonsense', and init(queues=...) knows none"),
        ("%%flyte_run\nx = = 1", "SyntaxError in line 1"),
        ("%flyte_run", "Usage: %flyte_run TASK [name=value ...]"),
        ("%flyte_run --name x double", "Unknown option '--name'. Usage: %flyte_run TASK"),
        ("%flyte_run no_such_task", "no task 'no_such_task'"),
        ("%flyte_run nothing_like_it", "known are magics.double."),
        ("%flyte_run duoble x=1", "no task 'duoble' (did you mean 'double'?)"),
        ("%flyte_run double", "'x' is missing"),
        ("%flyte_run double x=1 y=2", "unknown argument 'y'"),
        ("%flyte_run double x=1 x=2", "'x' is given twice"),
        ("%flyte_run double x='a'", "Expected int, got str"),
        ("%flyte_run double 3", "'3' is no argument; write name=value"),
        ("%flyte_run double x=undefined", "x=undefined: NameError: name 'undefined' is not defined"),
        ("%flyte_run double x=1/0", "x=1/0: ZeroDivisionError: division by zero"),
        ("%flyte_run double x=[1", "[1"),
        ("%flyte_run double x=", "x= is no Python value"),
        ("%flyte_show", "Usage: %flyte_show RUN"),
        ("%flyte_show --big done", "Unknown option '--big'. Usage: %flyte_show RUN"),
        ("%flyte_show nowhere", "No run named 'nowhere'"),
        ("%flyte_show donne", "No run named 'donne' (did you mean 'done'?)"),
        ("%flyte_show it's", "No closing quotation"),
        ("%flyte_runs abc", "Usage: %flyte_runs [HOW_MANY], 1 to 10,000; got 'abc'"),
        ("%flyte_runs 0", "Usage: %flyte_runs [HOW_MANY], 1 to 10,000; got '0'"),
        ("%flyte_runs 99999999999999999999999", "Usage: %flyte_runs [HOW_MANY], 1 to 10,000"),
        ("%flyte_answer run bonus", "Usage: %flyte_answer RUN PROMPT VALUE"),
        ("%flyte_answer --by me done bonus 1", "Unknown option '--by'. Usage: %flyte_answer RUN PROMPT VALUE"),
        ("%flyte_answer nowhere bonus 1", "No run named 'nowhere'"),
        ("%flyte_answer done bonus 1", "Run 'done' has no question 'bonus'; it asks nothing"),
        ("%flyte_abort", "Usage: %flyte_abort RUN [ACTION]"),
        ("%flyte_abort --force done", "Unknown option '--force'. Usage: %flyte_abort RUN [ACTION]"),
        ("%flyte_abort nowhere", "No run named 'nowhere'"),
        ("%flyte_abort done", "Run 'done' has ended: succeeded. There is nothing to abort."),
        ("%flyte_abort done a0", "Action 'a0' of run 'done' has ended: succeeded."),
        ("%flyte_abort done a99", "Run 'done' has no action 'a99'"),
        ("%flyte_resume", "Usage: %flyte_resume RUN"),
        ("%flyte_resume --now done", "Unknown option '--now'. Usage: %flyte_resume RUN"),
        ("%flyte_resume nowhere", "No run named 'nowhere'"),
        ("%flyte_resume done", "Run 'done' has succeeded"),
        ("%flyte_logs", "Usage: %flyte_logs RUN [ACTION]"),
        ("%flyte_logs --follow done", "Unknown option '--follow'. Usage: %flyte_logs RUN [ACTION]"),
        ("%flyte_logs nowhere", "No run named 'nowhere'"),
        ("%flyte_logs done a99", "Run 'done' has no action 'a99'"),
        ("%flyte_compat now", "Usage: %flyte_compat"),
    ],
)
def test_a_wrong_use_fails_the_cell_with_one_line_and_no_traceback(misused: Notebook, source: str, text: str) -> None:
    result = misused.run(source, ok=False)
    assert result.status == "error"
    assert text in result.text
    assert result.text.startswith("UsageError: ")
    assert len(result.text.strip().splitlines()) == 1
    assert result.error == ""
    assert "in line None" not in result.text


TIMEOUT = "@env.task(timeout=0.2)\nasync def slow() -> None:\n    await asyncio.sleep(60)"
ABORT = "flyte.Run.get('abort').abort(reason='enough')\nawait asyncio.sleep(60)"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("%%flyte_run --no-view\nawait slow()", "TaskTimeoutError"),
        (f"%%flyte_run --no-view --name abort\n{ABORT}", "ActionAbortedError"),
        ("%%flyte_run --no-view\nflyte.remote.Run.get('nothere')", "No run named 'nothere'"),
        ("%%flyte_run --no-view\nawait double('no number')", "Expected int, got str"),
    ],
)
def test_a_run_that_fails_fails_its_cell(cells: Notebook, source: str, text: str) -> None:
    cells.run(TIMEOUT)
    result = cells.run(source, ok=False)
    assert result.status == "error"
    assert text in result.error
    assert "_engine" not in result.error and "magics.py" not in result.error


def test_a_failed_cell_ends_a_headless_notebook(tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    after = tmp_path / "after"
    notebook = nbformat.v4.new_notebook()
    sources = (SETUP + TIMEOUT, "%%flyte_run\nawait slow()", f"import pathlib; pathlib.Path({str(after)!r}).touch()")
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="TaskTimeoutError"):
        nbclient.NotebookClient(notebook, kernel_name="python3", timeout=60).execute()
    assert not after.exists()


def test_the_traceback_of_a_cell_shows_its_lines(cells: Notebook) -> None:
    result = cells.run("%%flyte_run --no-view --name lines\nbefore = 1\nbefore / 0  # the culprit", ok=False)
    assert "the culprit" in result.error
    recorded = cells.run("flyte.remote.Run.get('lines').details().error_info.traceback")
    assert "before / 0" in recorded.value


def test_only_values_that_somebody_waits_for_are_kept(fresh_cells: Notebook) -> None:
    fresh_cells.run("%%flyte_run --detach --no-view --name detached\n'value'")
    fresh_cells.run("flyte.Run.get('detached').wait()")
    fresh_cells.run("%%flyte_run --no-view\nlist(range(10))")
    fresh_cells.run("%%flyte_run --no-view\nraise ValueError", ok=False)
    assert fresh_cells.run("from flyte_nb._notebook import cell; cell._kept").value == "{}"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("x=[1, 2]", "[1, 2]"),
        ("x={'a': 1} y='b c'", "({'a': 1}, 'b c')"),
        ("y=limit + 1 x=(lambda a=1: a)()", "(1, 43)"),
        ("x=1, y=2 == 2", "(1, True)"),
        ("x='$limit {limit}'", "'$limit {limit}'"),
    ],
)
def test_arguments_of_a_line_magic_are_python(cells: Notebook, written: str, value: str) -> None:
    cells.run(
        "limit = 42\n@env.task\nasync def said(x: object, y: object = None) -> str:\n"
        "    return repr(x) if y is None else repr((x, y))"
    )
    cells.run(f"%flyte_run said {written}")
    cells.run("[run, *_] = flyte.remote.Run.listall(limit=1); run.wait()")
    assert cells.run("print(run.outputs()[0])").text.strip() == value


def test_an_answer_is_taken_as_it_was_typed(cells: Notebook) -> None:
    cells.run(
        "from flyte_nb import hitl\nask_env = flyte.TaskEnvironment('ask', depends_on=[hitl.env])\n"
        "@ask_env.task\nasync def ask() -> str:\n"
        "    event = await hitl.new_event.aio('your name', data_type=str, prompt='Who?')\n"
        "    return await event.wait.aio()"
    )
    cells.run("run = flyte.with_runcontext(name='asked', mode='background').run(ask)")
    cells.run("while 'PAUSED' not in [one.phase.name for one in run.details().actions]: await asyncio.sleep(0.01)")
    cells.run('%flyte_answer {run.name} "your name" it\'s "Ada"  {run.name} $HOME')
    assert cells.run("run.wait(); print(run.outputs()[0])").text == 'it\'s "Ada"  {run.name} $HOME\n'


def test_a_task_is_run_by_a_line_magic(cells: Notebook) -> None:
    cells.run("run = get_ipython().run_line_magic('flyte_run', 'double x=21')")
    assert cells.run("run.outputs()[0]").value == "42"


def test_options_reach_the_run(cells: Notebook) -> None:
    result = cells.run(
        "%%flyte_run --name opt --context a=1 --mode background --no-view\nflyte.get_custom_context(), flyte.ctx().mode"
    )
    assert result.value == "({'a': '1'}, 'background')"


def test_the_queue_of_a_run_cell_is_where_it_and_its_calls_run(fresh_cells: Notebook) -> None:
    fresh_cells.run(
        "from flyte_nb.backends.loop import LoopBackend\n"
        "class Desk(LoopBackend):\n    name = 'desk'\n"
        "flyte.init(queues={'by the window': Desk()})"
    )
    fresh_cells.run("%%flyte_run --name placed --queue 'by the window' --no-view\nawait double(1)")
    placed = "[(a.task_name, a.metadata['placement']) for a in flyte.Run.get('placed').details().actions]"
    assert fresh_cells.run(placed).value == "[('notebook.cell', 'desk'), ('magics.double', 'desk')]"


def test_a_detached_cell_returns_at_once(cells: Notebook) -> None:
    cells.run("go_on = asyncio.Event()")
    cells.run("%%flyte_run --name detached --detach --no-view\nawait go_on.wait()\nanswer = 42")
    assert cells.run("str(flyte.Run.get('detached').phase)").value == "'running'"
    assert cells.run("go_on.set(); flyte.Run.get('detached').wait(); answer").value == "42"


def test_runs_are_listed_logged_aborted_and_resumed(cells: Notebook) -> None:
    cells.run("%%flyte_run --name listed --no-view\nprint('a line')")
    assert "listed" in cells.run("%flyte_runs").text
    assert cells.run("%flyte_logs listed").text == "a line\n"
    cells.run("hang = asyncio.Event()")
    cells.run("%%flyte_run --name aborted --detach --no-view\nawait hang.wait()\n'resumed'")
    cells.run("%flyte_abort aborted")
    assert cells.run("run = flyte.Run.get('aborted'); run.wait(); str(run.phase)").value == "'aborted'"
    cells.run("hang.set()")
    cells.run("%flyte_resume aborted")
    assert cells.run("run.wait(); run = flyte.Run.get('aborted'); run.wait(); str(run.phase)").value == "'succeeded'"


def test_loading_twice_reloading_and_unloading_behave(fresh_cells: Notebook) -> None:
    assert "already loaded" in fresh_cells.run("%load_ext flyte_nb").text
    assert fresh_cells.run("%reload_ext flyte_nb").text == ""
    assert fresh_cells.run("%%flyte_run --no-view\n1 + 1").value == "2"
    fresh_cells.run("%unload_ext flyte_nb")
    gone = fresh_cells.run("%%flyte_run\n1 + 1", ok=False)
    assert "not found" in gone.error + gone.text


def test_a_run_as_the_last_expression_is_shown(cells: Notebook) -> None:
    result = cells.run("run = flyte.run(double, 1)\nrun.wait()\nrun")
    assert any("text/html" in data and "double" in data["text/html"] for data in result.results)


def test_a_run_that_its_cell_has_shown_already_is_not_shown_again(cells: Notebook) -> None:
    for source in ("%flyte_run double x=1", "run = flyte.run(double, 1)\nrun.wait()\nflyte.show(run)\nrun"):
        pictures = [data for data in cells.run(source).results if "double" in data.get("text/html", "")]
        assert len(pictures) == 1
    assert any("double" in data.get("text/html", "") for data in cells.run("run").results)


def test_hostile_names_are_text_in_the_picture(cells: Notebook) -> None:
    result = cells.run(
        """
@env.task(short_name="<img src=x onerror=alert(1)>")
async def hostile() -> None:
    with flyte.group("<script>alert(2)</script>"):
        await double(1)
    raise ValueError("<b onmouseover=alert(3)>")

run = flyte.run(hostile)
run.wait()
run
"""
    )
    html = "".join(data.get("text/html", "") for data in result.results)
    assert "&lt;img src=x onerror" in html
    assert "<img" not in html and "<script" not in html and "<b onmouseover" not in html


def test_without_a_widget_manager_the_picture_is_updated_in_place(cells: Notebook, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    cells.run(
        "import pathlib\n@env.task\nasync def wait_for(path: str) -> None:\n"
        "    while not pathlib.Path(path).exists():\n        await asyncio.sleep(0.01)"
    )
    result = cells.run(f"flyte.run(wait_for, {str(gate)!r})")
    assert len(result.results) == 1
    assert "widget-view" not in "".join(result.results[0])
    assert "running" in result.results[0]["text/html"] or "queued" in result.results[0]["text/html"]
    gate.touch()
    cells.until_shown(result, "succeeded")
    assert len(result.results) == 1


def test_flyte_compat_lets_existing_code_import_flyte(notebook: Notebook) -> None:
    notebook.run("%load_ext flyte_nb\n%flyte_compat")
    assert notebook.run("import flyte.io, flyte_nb.io; flyte.io.File is flyte_nb.io.File").value == "True"


def test_flyte_compat_after_an_import_of_the_other_sdk_says_what_to_do(notebook: Notebook) -> None:
    notebook.run("import sys, types; sys.modules['flyte'] = types.ModuleType('flyte')\n%load_ext flyte_nb")
    result = notebook.run("%flyte_compat", ok=False)
    assert "'flyte' is imported already" in result.text and "Restart Python" in result.text


def test_a_run_that_ends_before_its_cell_is_stored_as_ended(tmp_path: Path) -> None:
    shown = "run = flyte.run(double, 4); flyte.show(run); run.wait()"
    for cells_after in ([], ["1"]):
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source) for source in (SETUP, shown, *cells_after)]
        )
        nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
        [picture] = [output.data for output in notebook.cells[1].outputs if output.output_type == "display_data"]
        assert "succeeded" in picture["text/plain"]
        assert "running" not in picture["text/html"]


def test_fifty_pictures_leave_nothing_behind(fresh_cells: Notebook) -> None:
    fresh_cells.run(
        "from flyte_nb._follow import live_picture, page\nfrom flyte_nb._notebook import displayed as module\n"
        "import asyncio, gc, ipywidgets\n"
        "module.PAGE_ASKS_WITHIN_S = 0\n"
        "run = flyte.run(double, 1); run.wait()\n"
        "def counted():\n"
        "    gc.collect()\n"
        "    kinds = [type(thing) for thing in gc.get_objects()]\n"
        "    return [kinds.count(live_picture.LivePicture), kinds.count(page.Page), kinds.count(ipywidgets.Layout)]\n"
        "async def show_and_settle(times):\n"
        "    shown = [module.Displayed(run.name, expects_page=True) for _ in range(times)]\n"
        "    for displayed in shown: displayed.begin()\n"
        "    while live_picture.follower._thread: await asyncio.sleep(0.01)\n"
        "    assert all(displayed.is_left for displayed in shown)\n"
    )
    fresh_cells.run("await show_and_settle(2); before = counted(); await show_and_settle(50); after = counted()")
    assert fresh_cells.run("[now - then for now, then in zip(after, before)]").value == "[0, 0, 0]"


def test_annotations_of_a_run_cell_are_what_they_are_in_any_cell(notebook: Notebook) -> None:
    notebook.run("%load_ext flyte_nb")
    notebook.run("%%flyte_run --no-view\ndef twice(x: int) -> int:\n    return 2 * x")
    assert notebook.run("twice.__annotations__['x'] is int").value == "True"
