"""Back-ends are declared with numbers and names that make sense, or refused at once."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan
from typing import Any

import pytest

from flyte_nb.backends.containers.backend import ContainerBackend
from flyte_nb.backends.dask import DaskBackend
from flyte_nb.backends.processes import ProcessBackend
from flyte_nb.backends.threads import ThreadBackend


@pytest.mark.parametrize("number", [0, -1, "2", True, 1.5, nan])
@pytest.mark.parametrize(
    "declare",
    [
        ThreadBackend,
        ContainerBackend,
        lambda number: DaskBackend("tcp://here:1", in_flight=number),
    ],
)
def test_a_back_end_without_a_place_is_refused(declare: Callable[[Any], Any], number: Any) -> None:
    with pytest.raises(ValueError, match="at once: a whole number, 1 or more; got"):
        declare(number)


@pytest.mark.parametrize("cpus", [0, -1, "2", True, inf, nan])
def test_cores_are_a_number_above_zero(cpus: Any) -> None:
    with pytest.raises(ValueError, match="cpus is how many cores tasks may use at once, a number above 0; got"):
        ProcessBackend(cpus=cpus)


@pytest.mark.parametrize("gpus", ["0", [0], [None]])
def test_devices_are_a_list_of_names(gpus: Any) -> None:
    with pytest.raises(ValueError, match=r"gpus: names of devices, such as \['0', '1'\]; got"):
        ProcessBackend(gpus=gpus)


@pytest.mark.parametrize("preload", ["pandas", [1]])
def test_modules_to_preload_are_a_list_of_names(preload: Any) -> None:
    with pytest.raises(ValueError, match=r"preload: names of modules, such as \['pandas'\]; got"):
        ProcessBackend(preload=preload)


def test_a_module_that_is_not_there_cannot_be_preloaded() -> None:
    with pytest.raises(ValueError, match="preload names the module 'no_such_module', which cannot be found"):
        ProcessBackend(preload=["no_such_module"])
