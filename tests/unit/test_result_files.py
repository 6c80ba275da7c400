"""A result file is read line by line, however long its lines are."""

from __future__ import annotations

import codecs
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.provider import jsonl
from ingest.provider.jsonl import Malformed, Result, parse_result, read_results


class Bounded(io.BytesIO):
    """A file that is never read by more than a line of the longest kind."""

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert 0 <= size <= 200
        return super().read(size)

    def readline(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert 0 <= size <= 200
        return super().readline(size)


RESULT_LINE = b'{"custom_id": "7-a", "error": "e"'
FILE_LINES = {
    RESULT_LINE + b"}": "result",
    RESULT_LINE + b" " * (198 - len(RESULT_LINE)) + b"}": "result",  # with its newline just the limit
    b"x" * 200: Malformed("a line over 200 bytes"),
    b"x" * 1_000: Malformed("a line over 200 bytes"),
    b" \t\r": None,
    b"": None,
}


@given(bom=st.booleans(), lines=st.lists(st.sampled_from(list(FILE_LINES))))
def test_a_file_is_read_line_by_line_and_what_is_too_long_or_blank_is_passed_over(
    *, bom: bool, lines: list[bytes]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl, "MAX_LINE_BYTES", 200)
        read = list(read_results(Bounded(codecs.BOM_UTF8 * bom + b"\n".join(lines)), parse_result))

    expected = [FILE_LINES[line] for line in lines if FILE_LINES[line]]
    assert ["result" if isinstance(line, Result) else line for line in read] == expected
