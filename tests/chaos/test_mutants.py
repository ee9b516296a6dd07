"""Mutants of `python -m tests.chaos.mutants` fit the code of today; whether tests notice them is seen there."""

from __future__ import annotations

from pathlib import Path

import pytest

from .mutants import MUTANTS, ROOT, Mutant, applied


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.breaks)
def test_what_a_mutant_edits_is_there_and_so_are_the_tests_that_notice(mutant: Mutant) -> None:
    text = (ROOT / "flyte_nb" / mutant.file).read_text()
    assert applied(mutant, text) != text
    for named in mutant.tests:
        path, _, function = named.partition("::")
        assert Path(ROOT / path).exists()
        assert f"def {function}" in Path(ROOT / path).read_text() if function else True


def test_every_promise_has_a_mutant() -> None:
    assert {mutant.promise for mutant in MUTANTS} == set(range(1, 8))
