"""The guide: a page per subject, found from its index, and a notebook that it and the page lead to each other from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.links import NOTEBOOKS, is_external, links_of, text_of
from tests.docs.pages import ROOT

GUIDE = ROOT / "docs" / "guide"
INDEX = GUIDE / "README.md"
OF_WHAT_GOES_WRONG = {GUIDE / "pictures.md"}  # what becomes of a picture whose kernel is busy or gone
ALONE = {"00_first_minute"}  # it travels in the wheel, without the documentation


def led_to(page: Path) -> set[Path]:
    """The files of the repository that a page links to."""
    inside = [link.partition("#")[0] for link in links_of(text_of(page)) if not is_external(link)]
    return {(page.parent / link).resolve() for link in inside if link}


@pytest.mark.parametrize("page", sorted(set(GUIDE.glob("*.md")) - {INDEX}), ids=lambda page: page.stem)
def test_a_page_of_the_guide_is_in_its_index_and_in_the_navigation_of_the_site(page: Path) -> None:
    assert page in led_to(INDEX)
    assert f"- guide/{page.name}\n" in (ROOT / "mkdocs.yml").read_text()


@pytest.mark.parametrize(
    "page", sorted(set(GUIDE.glob("*.md")) - {INDEX, *OF_WHAT_GOES_WRONG}), ids=lambda page: page.stem
)
def test_a_page_of_the_guide_says_what_goes_wrong_and_what_helps(page: Path) -> None:
    assert "\n## What goes wrong\n" in page.read_text()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_a_notebook_is_in_the_index_and_its_page_and_it_lead_to_each_other(notebook: Path) -> None:
    pages = led_to(notebook)
    assert notebook in led_to(INDEX)
    assert pages or notebook.stem in ALONE
    assert not pages or any(notebook in led_to(page) for page in pages)


def test_notebooks_have_numbers_of_their_own() -> None:
    numbers = [notebook.stem.partition("_")[0] for notebook in NOTEBOOKS if not notebook.stem.startswith("00_")]
    assert len(numbers) == len(set(numbers))
