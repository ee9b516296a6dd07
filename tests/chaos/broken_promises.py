"""Promises broken on purpose: one edit each, and the tests that hold the promise."""

from __future__ import annotations

from dataclasses import dataclass

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
        1,
        "a traced value is used before it is in the journal",
        "_engine/trace.py",
        "        await action.run.commit()\n        if action.may_repeat",
        "        if action.may_repeat",
        ("tests/runtime/test_traces.py",),
    ),
    Mutant(
        1,
        "a parent that is tried again repeats its traces",
        "_engine/trace.py",
        "            action.remember(self._key, kept)",
        "            pass",
        ("tests/runtime/test_traces.py",),
    ),
    Mutant(
        1,
        "what a task has started outlives a kernel that was killed",
        "backends/processes/nursery_main.py",
        "            signal.set_wakeup_fd(-1)\n            _end_descendants()",
        "            signal.set_wakeup_fd(-1)",
        ("tests/backends/test_survival.py::test_nothing_that_a_task_has_started_outlives_a_kernel_that_is_killed",),
    ),
    Mutant(
        2,
        "a resume takes what is damaged for a result",
        "_engine/finished.py",
        "            if not damage:",
        "            if True:",
        ("tests/runtime/test_damaged_values.py",),
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
        3,
        "memory of processes that a task has started does not count",
        "backends/processes/memory.py",
        "resident_bytes(pid) + sum(map(resident_bytes, below))",
        "resident_bytes(pid)",
        ("tests/backends/test_leftovers.py::test_the_memory_of_processes_that_a_task_starts_counts",),
    ),
    Mutant(
        3,
        "a MemoryError of a task is a user's error",
        "_engine/failure.py",
        "    if isinstance(error, MemoryError):",
        "    if False:",
        ("tests/backends/test_leftovers.py::test_a_memory_error_of_the_task_is_an_oom_error_too",),
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
        "an address that is a script is recorded as a link",
        "_engine/links.py",
        'parts.scheme not in ("http", "https") or not parts.netloc',
        "not parts.scheme",
        ("tests/runtime/test_links.py",),
    ),
    Mutant(
        4,
        "a path that climbs out of a store is the store's own",
        "storage/local.py",
        "os.path.abspath(uri).startswith",
        "uri.startswith",
        ("tests/storage/test_stores.py::test_a_folder_does_not_own_what_a_path_climbs_out_to",),
    ),
    Mutant(
        4,
        "the server loads pickles",
        "_follow/values.py",
        "    if not history.records.loads_values:\n        return _in_order(described_values(serialized))",
        "    if False:\n        return _in_order(described_values(serialized))",
        ("tests/server/test_routes.py::test_a_pickled_value_is_described_and_never_loaded",),
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
        "an answer of a program needs no token",
        "_server/handlers.py",
        '    @web.authenticated\n    @authorized\n    async def post(self) -> None:\n        """Take an answer with',
        '    async def post(self) -> None:\n        """Take an answer with',
        ("tests/server/test_routes.py::test_nothing_is_answered_without_a_token",),
    ),
    Mutant(
        5,
        "who may only look aborts over the socket",
        "_server/sockets.py",
        'content.get("type") in _ACTS and not self.may_write',
        'content.get("type") in _ACTS and False',
        ("tests/server/test_sockets.py::test_who_may_only_look_follows_a_run_and_does_nothing_to_it",),
    ),
    Mutant(
        5,
        "the form of a script is answered without its secret",
        "hitl/form_server.py",
        "        if not secrets.compare_digest(parts[0].encode(), self.forms.secret.encode()):",
        "        if False:",
        ("tests/hitl/test_events.py::test_nothing_is_answered_without_the_secret_or_under_another_host",),
    ),
    Mutant(
        5,
        "the form of a script can be reached from other machines",
        "hitl/form_server.py",
        '_Server(("127.0.0.1", 0)',
        '_Server(("0.0.0.0", 0)',
        ("tests/hitl/test_events.py::test_a_question_is_answered_from_this_machine_only_wherever_it_is_asked",),
    ),
    Mutant(
        5,
        "the dashboard of a local Dask cluster can be reached from other machines",
        "backends/dask/backend.py",
        '"dashboard_address": "127.0.0.1:0"',
        '"dashboard_address": ":0"',
        ("tests/dask/test_dask.py::test_a_cluster_of_this_machine_listens_on_this_machine_only",),
    ),
    Mutant(
        5,
        "others of the machine may read stored values",
        "storage/local.py",
        "os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600",
        "os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644",
        ("tests/storage/test_stores.py::test_folders_and_files_are_for_their_owner_alone",),
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
        "a home that cannot be made is an error of Python's",
        "_journal/home.py",
        "        except OSError as error:",
        "        except BlockingIOError as error:",
        ("tests/journal/test_read_only.py",),
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
