"""Links of the documentation, the README and the notebooks lead somewhere."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.docs.links import LINKING, anchors_of, is_external, links_of, text_of, what_is_broken
from tests.docs.pages import ROOT
from tests.docs.site import broken_links


@pytest.mark.parametrize("page", LINKING, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_repository_lead_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    inside = [link for link in links_of(text_of(page)) if not is_external(link)]
    assert [problem for link in inside if (problem := what_is_broken(page, link))] == []


@pytest.mark.parametrize("page", LINKING, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_that_lead_out_are_https(page: Path) -> None:
    outside = [urlsplit(link) for link in links_of(text_of(page)) if is_external(link)]
    assert [link.geturl() for link in outside if link.scheme not in ("https", "mailto") or " " in link.geturl()] == []


def test_a_link_to_what_is_not_there_is_found() -> None:
    readme = ROOT / "README.md"
    assert links_of("[a](x.md#b) ![c](d.png)\n\n| e |\n|---|\n| [f](g.md) |\n\n<img src='h.png'>") == [
        "x.md#b",
        "d.png",
        "g.md",
        "h.png",
    ]
    assert anchors_of("# One `two`: *three*!\n\n<a id='four'></a>") == {"one-two-three", "four"}
    assert "there is no" in (what_is_broken(readme, "docs/nothing.md") or "")
    assert "has no heading #nowhere" in (what_is_broken(readme, "docs/roadmap.md#nowhere") or "")
    assert "there is no" in (what_is_broken(readme, "../outside.md") or "")


def test_a_link_of_the_site_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide/index.html").write_text("<h2 id='one'>One</h2><a href='#one'></a><img src='../lost.png'>")
    (tmp_path / "index.html").write_text(
        "<a href='guide/#one'></a><a href='guide/#two'></a><a href='https://example.com'></a>"
    )
    assert list(broken_links(tmp_path)) == ["guide/index.html: ../lost.png", "index.html: guide/#two"]
