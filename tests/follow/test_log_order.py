"""The log of a run is in the order of time, however its pieces came into the journal."""

from __future__ import annotations

from flyte_nb._follow.log_order import LogOrder, in_time, whole_lines
from flyte_nb.models.events import LogLine


def said(at: float, action: str, text: str) -> LogLine:
    return LogLine(at, action, "stdout", text)


def texts(pieces: list[LogLine]) -> str:
    return "".join(piece.text for piece in pieces)


def test_pieces_of_several_actions_are_merged_by_their_time_and_equal_times_keep_their_order() -> None:
    pieces = [said(3, "b", "3"), said(1, "a", "1"), said(4, "b", "4"), said(4, "a", "5"), said(2, "a0", "2")]
    assert texts(in_time(pieces)) == "12345"


def test_what_one_action_printed_keeps_its_order_also_where_the_clock_was_moved_back() -> None:
    pieces = [said(100, "a", "1"), said(40, "a", "2"), said(70, "b", "0"), said(41, "a", "3")]
    assert texts(in_time(pieces)) == "0123"


def test_a_piece_is_held_until_those_that_come_a_little_later_are_there() -> None:
    order = LogOrder()
    order.add(said(2, "a", "2"), arrived=10.0)
    assert order.take(arrived_by=9.9) == []
    order.add(said(1, "b", "1"), arrived=10.1)
    order.add(said(3, "b", "3"), arrived=10.1)
    assert texts(order.take(arrived_by=10.0)) == "12"
    assert texts(order.take(arrived_by=10.2)) == "3"
    order.add(said(1, "c", "late"), arrived=10.4)
    assert texts(order.take()) == "late"


def test_a_clock_that_is_ahead_elsewhere_holds_nothing_back() -> None:
    order = LogOrder()
    order.add(said(90_000, "elsewhere", "ahead"), arrived=10.0)
    order.add(said(1, "here", "now"), arrived=10.0)
    assert texts(order.take(arrived_by=10.0)) == "nowahead"


def test_a_line_that_came_in_pieces_is_one_and_stands_where_it_began() -> None:
    pieces = [said(1, "a", "one\nbegun "), said(2, "b", "other\n"), said(3, "a", "and "), said(4, "a", "ended\nlast")]
    assert whole_lines(pieces) == ["one", "begun and ended", "other", "last"]
