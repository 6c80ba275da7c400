from __future__ import annotations

import pytest

from ingest.cli.ending import worst


@pytest.mark.parametrize(
    ("statuses", "ends_with"), [([0, 0], 0), ([0, 5], 5), ([1, 5], 5), ([5, 2], 2), ([4, 5, 0], 4), ([3, 130], 130)]
)
def test_a_corpus_that_is_not_done_yet_hides_no_error_of_another(statuses: list[int], ends_with: int) -> None:
    assert worst(statuses) == ends_with
