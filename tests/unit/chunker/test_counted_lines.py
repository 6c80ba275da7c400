from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.chunker.lines import Lines

_TEXTS = st.text(st.sampled_from("ab\r\n"), min_size=1, max_size=60)


@given(text=_TEXTS, places=st.lists(st.integers(0, 59), max_size=20), marked=st.sets(st.integers(1, 59), max_size=4))
def test_places_are_counted_from_the_mark_before_them_in_any_order(
    text: str, places: list[int], marked: set[int]
) -> None:
    marks = [(0, 1), *((place, 100 * place) for place in sorted(marked))]
    lines = Lines(text, marks)

    for place in places:
        begin, line = max(mark for mark in marks if mark[0] <= place)
        assert lines.at(place) == line + text[begin:place].count("\n" if "\n" in text else "\r")


@pytest.mark.parametrize(("text", "line"), [("a\r\nb\rc", 2), ("a\rb\rc", 3), ("a\u2028b\fc", 1)])
def test_a_line_ends_where_it_does_in_an_editor(text: str, line: int) -> None:
    assert Lines(text, [(0, 1)]).at(len(text) - 1) == line
