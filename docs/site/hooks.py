"""What the site takes from outside its folder: the notebooks, and a page of the magics made from their docstrings."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MAGICS = "<!-- magics -->"


def on_config(config: Any) -> Any:
    """List the notebooks in the navigation."""
    for entry in config["nav"]:
        if "Notebooks" in entry:
            entry["Notebooks"] = [{_title(path): f"notebooks/{path.name}"} for path in NOTEBOOKS]
    return config


@event_priority(100)
def on_files(files: Files, config: Any) -> Files:
    """Add the notebooks as pages, before they are looked for."""
    for path in NOTEBOOKS:
        files.append(File(f"notebooks/{path.name}", str(ROOT), config["site_dir"], config["use_directory_urls"]))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Point links at the notebooks' pages and pictures in HTML at their files, and fill in the magics."""
    if page.file.src_uri.startswith("guide/"):
        markdown = markdown.replace('"../images/', '"../../images/')  # a page is a folder of the site
    below = "../" * page.file.src_uri.count("/")
    return markdown.replace(f"](../{below}notebooks/", f"]({below}notebooks/").replace(MAGICS, _magics())


def on_page_content(html: str, *, page: Any, **_: Any) -> str:
    """Point links of the notebooks at pages."""
    if not page.file.src_uri.startswith("notebooks/"):
        return html
    return re.sub(r'href="\.\./docs/([\w/]+)\.md', _to_page, html)


def _to_page(link: re.Match[str]) -> str:
    return f'href="../../{link[1].removesuffix("README").rstrip("/")}/'


def _magics() -> str:
    from flyte_nb._notebook.magics import LINE_MAGICS, USAGE, flyte_run_cell

    parts = [f"## `%%flyte_run`\n\n{_said(flyte_run_cell)}\n\n```text\n{USAGE}\n```"]
    parts += [f"## `%{name}`\n\n{_said(function)}" for name, function in LINE_MAGICS.items()]
    return "\n\n".join(parts)


def _said(function: Any) -> str:
    text = inspect.getdoc(function) or ""
    return text.replace("``", "`")


def _title(path: Path) -> str:
    number, _, words = path.stem.partition("_")
    return f"{number} {words.replace('_', ' ')}"
