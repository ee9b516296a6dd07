"""Every block of code in the documentation runs, in a kernel, in the order of its page."""

from __future__ import annotations

from pathlib import Path

import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests.docs.pages import PAGES, ROOT, cells_of, notebook_of

WITH_CODE = [page for page in PAGES if cells_of(page.read_text())]


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLYTE_NB_HOME", str(tmp_path / "home"))
    NotebookClient(
        notebook_of(page.read_text()), timeout=120, startup_timeout=300, resources={"metadata": {"path": tmp_path}}
    ).execute()


def test_code_that_fails_fails_its_page(tmp_path: Path) -> None:
    page = "text\n\n<!-- runs first\nx = 1\n-->\n```python\nassert x == 2\n```\n"
    with pytest.raises(CellExecutionError, match="assert x == 2"):
        NotebookClient(notebook_of(page), timeout=60, resources={"metadata": {"path": tmp_path}}).execute()


def test_only_what_says_why_is_left_out() -> None:
    left_out = "<!-- not run: needs a cluster -->\n\n```python\na\n```\n\n"
    page = left_out + "- in a list\n\n  ```python\n  b\n  ```\n\n```text\nc\n```\n"
    assert cells_of(page) == ["b\n"]
