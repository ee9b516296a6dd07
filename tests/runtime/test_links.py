"""Links of an action: an address that is none of the web is not kept, and the action says why."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

import flyte_nb as flyte
from flyte_nb._engine.links import MAX_ADDRESS_CHARACTERS
from flyte_nb.remote import Action

env = flyte.TaskEnvironment("linked")


@dataclass
class Link(flyte.Link):
    address: object
    name: str = "link"

    def get_link(self, *args: object, **kwargs: object) -> str:
        return self.address  # type: ignore[return-value]


@env.task
async def step() -> None: ...


def linked(address: object) -> tuple[str, str]:
    """What is kept of a link to this address, and what is said of it."""
    run = flyte.run(step.override(links=Link(address)))
    run.wait()
    [kept] = Action.get(run_name=run.name, name="a0").details().links
    return kept.uri, kept.error


@pytest.mark.parametrize("address", ["https://example.org/x?y#z", "http://localhost:8787/status"])
def test_an_address_of_the_web_is_kept(address: str) -> None:
    assert linked(address) == (address, "")


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)//",
        "JavaScript://example.org/%0aalert(1)",
        "data:text/html,<script>alert(1)</script>",
        "file:///etc/passwd",
        "https:javascript",
        "//example.org",
        "/logout",
        "",
    ],
)
def test_any_other_address_is_not_kept_and_named(address: str) -> None:
    kept, problem = linked(address)
    assert kept == ""
    assert problem == f"Only http and https addresses are shown, this one starts with {address[:40]!r}."


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        (None, "get_link returned NoneType, expected a str."),
        ("https://" + "e" * MAX_ADDRESS_CHARACTERS, "The address has 8008 characters; at most 8000 are kept."),
        ("https://[", "ValueError: Invalid IPv6 URL"),
    ],
)
def test_what_is_no_address_is_named_and_harms_nothing(address: object, problem: str) -> None:
    assert linked(address) == ("", problem)
