"""What is remembered of code, and how it is told that it still holds."""

from __future__ import annotations

import gc
import weakref

import pytest

from flyte_nb._code.digest import Depth, known_code
from tests.cells import defined


def test_names_do_not_hold_once_a_constant_was_replaced_also_by_an_object_in_the_place_of_the_one_before() -> None:
    main = defined("x = [1]\ndef main(): return x")
    space = main.__globals__
    known = known_code(main)
    assert known.names_hold()

    space["x"] = None
    others = [[2] for _ in range(1000)]  # the place of what is gone is taken by the next of its kind
    for other in others:
        space["x"] = other
        assert not known.names_hold()


@pytest.mark.parametrize("value", ["np.zeros(2000)", "Client()", "[Client()]"])
def test_what_is_remembered_keeps_no_large_object_alive_that_was_replaced(value: str) -> None:
    main = defined(f"import numpy as np\nclass Client: pass\nx = {value}\ndef main(): return x")
    space = main.__globals__
    known = known_code(main)
    held = space["x"]
    gone = weakref.ref(held[0] if isinstance(held, list) else held)
    del held

    space["x"] = None
    gc.collect()

    assert gone() is None
    assert not known.holds(Depth.NAMES)
