"""What a field of the metadata is worth as the type of a filter; what is none of it is told, and left empty."""

from __future__ import annotations

import pytest

from ingest.corpus.filters import filter_values
from ingest.model import FilterType


@pytest.mark.parametrize(
    ("kind", "given", "written"),
    [
        ("integer", 7, "7"),
        ("integer", " 7 ", "7"),
        ("integer", "7.0", "7"),
        ("integer", 2**63 - 1, str(2**63 - 1)),
        ("integer", 2**63, None),
        ("integer", 7.5, None),
        ("integer", "seven", None),
        ("number", "1e3", "1000.0"),
        ("number", "nan", None),
        ("number", float("inf"), None),
        ("number", "", None),
        ("boolean", True, "true"),
        ("boolean", "No", "false"),
        ("boolean", "perhaps", None),
        ("date", "2024-02-29", "2024-02-29"),
        ("date", "2024-02-29T10:00:00+01:00", "2024-02-29"),
        ("date", "2023-02-29", None),
        ("timestamp", "2024-02-29T10:00:00", "2024-02-29T10:00:00+00:00"),
        ("timestamp", "2024-02-29T10:00:00+01:00", "2024-02-29T10:00:00+01:00"),
        ("timestamp", "noon", None),
        ("text", ["a", "b"], '["a", "b"]'),
    ],
)
def test_a_value_is_written_as_its_type_takes_it(kind: str, given: object, written: str | None) -> None:
    values, losses = filter_values({"field": given}, {"field": FilterType(kind)})

    assert values == {"field": written}
    assert [loss.words for loss in losses] == (
        [] if written is not None else [f"its field is no {kind}, and left empty: {str(given)[:60]}"]
    )
