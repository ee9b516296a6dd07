"""Every public name has its place in the reference, which is made from docstrings."""

from __future__ import annotations

import inspect
import re

import pytest

import flyte_nb
from flyte_nb import backends, compat, durable, errors, extras, hitl, io, jsonl, models, remote, report, types
from flyte_nb.backends.containers.backend import ContainerBackend
from flyte_nb.backends.dask import DaskBackend
from flyte_nb.backends.processes import ProcessBackend
from flyte_nb.testing.backends import BackendSuite
from tests.docs.pages import ROOT

NAMED = set(re.findall(r"^::: (\S+)", "\n".join(page.read_text() for page in ROOT.glob("docs/reference/*.md")), re.M))
MODULES = (
    flyte_nb,
    backends,
    compat,
    durable,
    errors,
    extras,
    hitl,
    io,
    io.extend,
    jsonl,
    models,
    remote,
    report,
    types,
)


PUBLIC = [
    f"{module.__name__}.{name}"
    for module in MODULES
    for name in ([] if module.__name__ in NAMED else module.__all__)
    if inspect.isroutine(getattr(module, name)) or inspect.isclass(getattr(module, name))
]
OF_BACKENDS = [one.__name__ for one in (BackendSuite, ContainerBackend, DaskBackend, ProcessBackend)]


@pytest.mark.parametrize("name", [*PUBLIC, *OF_BACKENDS])
def test_a_public_function_or_class_stands_in_the_reference(name: str) -> None:
    assert name.rpartition(".")[2] in {named.rpartition(".")[2] for named in NAMED}
