"""Mutants of `python -m tests.chaos.mutants` fit the code of today; whether tests notice them is seen there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .broken_promises import MUTANTS, Mutant
from .mutants import ROOT, applied, file_of


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.breaks)
def test_what_a_mutant_edits_is_there_and_so_are_the_tests_that_notice(mutant: Mutant) -> None:
    text = file_of(mutant, ROOT).read_text()
    assert applied(mutant, text) != text
    for named in mutant.tests:
        path, _, function = named.partition("::")
        assert Path(ROOT / path).exists()
        assert f"def {function}" in Path(ROOT / path).read_text() if function else True


def test_every_promise_has_a_mutant() -> None:
    assert {mutant.promise for mutant in MUTANTS} == set(range(1, 8))


PROMISES = ROOT / "docs" / "reliability.md"


def named_in(line: str) -> list[str]:
    """Tests that a line of the documentation names."""
    return re.findall(r"`(tests/[\w/.-]+)`", line)


def promised(promise: int) -> list[str]:
    """Tests that stand beside that promise."""
    [row] = [line for line in PROMISES.read_text().splitlines() if line.startswith(f"| {promise}. ")]
    return named_in(row)


def test_every_test_that_the_page_on_reliability_names_is_there() -> None:
    named = named_in(PROMISES.read_text())
    assert len(named) > 30
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.breaks)
def test_what_notices_a_mutant_stands_beside_its_promise(mutant: Mutant) -> None:
    for test in mutant.tests:
        path = test.partition("::")[0]
        assert any(path == one or path.startswith(f"{one}/") for one in promised(mutant.promise)), path
