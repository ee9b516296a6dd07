"""What a page sends is understood, or answered with a notice; the picture stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from flyte_nb._journal import Home
from flyte_nb._server.desk import Desk
from flyte_nb._view import wire
from tests.fuzz.profile import fuzzed

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from(["a0", "../..", "sure", "\ud800", "9" * 5_000, 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KINDS = [kind for kind in wire.FromPage.__args__ if kind not in (wire.Resume, wire.Rerun, wire.Leave)]
FIELDS = sorted({field.encode_name for kind in KINDS for field in msgspec.structs.fields(kind)})
messages = (
    st.fixed_dictionaries(
        {"type": st.sampled_from([msgspec.structs.fields(kind) and str(kind.__struct_config__.tag) for kind in KINDS])},
        optional={field: json_values for field in FIELDS},
    )
    | json_values
)


def as_sent(message: Any) -> Any:
    """As a socket sends it."""
    return msgspec.json.decode(msgspec.json.encode(message))


@given(sent=st.lists(messages, min_size=1, max_size=5))
@fuzzed(60)
def test_any_message_is_answered_and_the_next_hello_is_too(recorded_home: Path, sent: list[Any]) -> None:
    desk = Desk(Home(recorded_home))
    told: list[Any] = []
    page = desk.open_page("recorded", lambda message: told.append(as_sent(message)), by="a person")
    try:
        for message in sent:
            page.take(message)
        told.clear()
        page.take({"type": "hello", "open": []})
        assert "reset" in [message["type"] for message in told]
    finally:
        desk.close_page("recorded", page)
        desk.close()
