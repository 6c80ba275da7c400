"""The parameters of calls, whatever they are."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.emulator.errors import ApiError
from ingest.emulator.openai.parameters import file_lifetime, integer, new_batch

# A few characters of each kind: to draw from all of Unicode takes seconds to prepare.
TEXT = st.text('aZ09é日😀\0\n"\\{}[]:-_ ', max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=4,
)


@given(st.fixed_dictionaries({"input_file_id": JSON, "metadata": JSON, "output_expires_after": JSON}))
def test_any_call_to_create_is_understood_or_refused(fields: dict[str, object]) -> None:
    body = json.dumps({**fields, "endpoint": "/v1/embeddings", "completion_window": "24h"}).encode()

    input_file_id: object = ""
    status_code = 400
    try:
        input_file_id = new_batch(body).input_file_id
    except ApiError as refusal:
        status_code = refusal.status_code

    assert status_code == 400
    assert isinstance(input_file_id, str)


@given(st.binary())
def test_any_bytes_for_a_body_are_refused(body: bytes) -> None:
    with pytest.raises(ApiError):
        new_batch(body)


@given(TEXT)
def test_any_text_for_a_number_is_a_number_or_refused(text: str) -> None:
    number, refused = 1, "limit"
    try:
        number = integer(text, "limit", default=20, maximum=100)
    except ApiError as refusal:
        refused = str(refusal.param)

    assert 1 <= number <= 100
    assert refused == "limit"


def test_without_a_number_there_is_the_default() -> None:
    assert integer(None, "limit", default=20, maximum=100) == 20


@pytest.mark.parametrize("text", ["--5", "-", "1e3", "9" * 5_000])
def test_an_odd_number_is_refused(text: str) -> None:
    with pytest.raises(ApiError):
        integer(text, "limit", default=20, maximum=100)


@pytest.mark.parametrize(
    "form",
    [
        {"expires_after[anchor]": "created_at"},
        {"expires_after[seconds]": "3600"},
        {"expires_after[anchor]": "last_used", "expires_after[seconds]": "3600"},
        {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3599"},
        {"expires_after[anchor]": "created_at", "expires_after[seconds]": "2592001"},
    ],
)
def test_a_file_is_kept_within_bounds(form: dict[str, str]) -> None:
    with pytest.raises(ApiError):
        file_lifetime(form)
