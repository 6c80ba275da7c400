from __future__ import annotations

import json
from typing import Any

import pytest

from ingest.corpus.given import given_sources
from ingest.errors import UsageError
from ingest.integrations.connecting import awaited_of
from ingest.integrations.given import read_settings, read_source


def test_what_no_connection_tells_is_as_the_settings_say() -> None:
    address = "https://api.example.com/v1"
    unknown = {"database_url": None, "api_key": None, "base_url": None}

    assert read_settings({"base_url": address}, unknown).base_url == address
    assert (
        read_settings({"base_url": address}, unknown | {"base_url": "https://other/v1"}).base_url == "https://other/v1"
    )


@pytest.mark.parametrize("nothing", ["", [], {}])
def test_a_source_of_nothing_is_refused(nothing: Any) -> None:
    with pytest.raises(UsageError, match="nothing to read"):
        read_source(nothing)


def test_a_list_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing to read"):
        given_sources([])


@pytest.mark.parametrize(
    ("batch_ids", "due_s", "longest_s"),
    [(["batch_1"], None, 3600), (["batch_1"], 500, 500), (["batch_1"], 5000, 3600), ([], None, 300), ([], 20, 20)],
)
def test_a_connector_waits_until_the_first_text_is_due(
    batch_ids: list[str], due_s: float | None, longest_s: float
) -> None:
    look_again_s = min(due_s or 300, 300)
    told = {"batch_ids": batch_ids, "due_s": due_s, "look_again_s": look_again_s}

    assert json.loads(awaited_of(json.dumps(told), "{}"))["longest_s"] == longest_s
