from __future__ import annotations

import base64
import logging
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import UsageError
from ingest.redaction import REMOVED, LogFilter, foreign, learn, redacted, without_known

KEY = "pq5-Wm+/9x=%&Gt7hN"
learn(KEY, "hunter2!", "letmein")

KEYS = [
    "sk-proj-abcDEF123456789_abcDEF",
    "sk-ant-api03-abcDEF123456789",
    "sk-abc12***************xyz9",
    "AKIAIOSFODNN7EXAMPLE",
    "AIzaSyA-1234567890abcdefghijklmnopqrstu",
    "ya29.a0AfH6SMBx1234567890abcdef",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "github_pat_11ABCDEFG0abcdefghij_1234567890",
    "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH",
    "xoxb-123456789012-abcdefghijkl",
    "pa-abcdefghijklmnopqrstuvwxyz0123456789_ABCDEFG",
    "0123456789abcdef0123456789abcdef",
    "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE",
    "A" * 52 + "JQQJ99BAACYeBjFXJ3w3AAAB",
    "whsec_YSBzZWNyZXQgdGhhdA==",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq",
]
NAMED = [
    "Authorization: Bearer {}",
    "/v1/x?Authorization%3A%20Bearer%20{}",
    "api_key={}",
    '{{"apiKey": "{}"}}',
    "x-api-key: {}",
    "AccountKey={};EndpointSuffix=core.windows.net",
    "password='{}'",
    "https://bucket.s3.amazonaws.com/a?X-Amz-Signature={}&X-Amz-Date=1",
    "postgresql://me:{}@db.example.com/docs",
]
HARMLESS = [
    "Missing bearer or basic authentication in header",
    "No such File object: file-0123456789abcdef0123456789abcdef",
    "the provider knows no batch batch_0123456789abcdef0123456789abcdef",
    "ingest-0123456789abcdef0123456789abcdef.jsonl",
    "password authentication failed for user",
    "it has the form postgresql://user:password@host:port/database",
    "This model's maximum context length is 8192 tokens, however you requested 9000 tokens.",
    "https://api.openai.com/v1/embeddings answers 503",
    "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "/var/lib/pgvector-ingest/local-provider/state/0123456789abcdef0123456789abcdef",
    "letmein in, it is a word",
]


@pytest.mark.parametrize("key", KEYS)
def test_what_looks_like_a_key_is_removed(key: str) -> None:
    assert key[-8:] not in redacted(f"You sent {key}, which is wrong.")
    assert key[-8:] not in redacted(f'{{"key":"{key}"}}')
    assert key[-8:] not in redacted(f"/v1/x?You%20sent%20{key}%2C%20which%20is%20wrong") or len(key) == 32


@pytest.mark.parametrize("words", NAMED)
def test_what_is_called_a_secret_is_removed(words: str) -> None:
    told = redacted(words.format("Xy12.zW-34"))

    assert "zW-34" not in told
    assert told == words.format(REMOVED)


@pytest.mark.parametrize("words", HARMLESS)
def test_what_is_no_secret_stays(words: str) -> None:
    assert redacted(words) == words


@given(st.text(max_size=12), st.text(max_size=12))
def test_a_known_secret_is_removed_whatever_stands_around_it_and_in_each_of_its_forms(before: str, after: str) -> None:
    packed = base64.b64encode(f"{before}{KEY}{after}".encode(errors="replace")).decode()
    for form in (KEY, KEY.upper(), quote(KEY, safe=""), quote(KEY, safe="").lower(), KEY.encode().hex()):
        told = redacted(f"{before} {form} {after}")
        assert not [place for place in range(len(form) - 8) if form[place : place + 9] in told]
    kept = without_known(packed).replace(REMOVED, "")
    assert (len(packed) - len(kept)) * 6 // 8 >= len(KEY) - 2  # the letters at both ends tell a few bits of it


def test_a_part_of_more_than_eight_characters_is_removed_and_a_shorter_one_tells_little() -> None:
    assert redacted(f"{KEY[:9]}…{KEY[-9:]}") == f"{REMOVED}…{REMOVED}"
    assert redacted(f"{KEY[:8]}…") == f"{KEY[:8]}…"


def test_a_short_secret_is_removed_where_it_stands_alone_and_a_plain_word_is_none() -> None:
    learn("postgres", "ingest_9", public=["ingest_9"])

    assert redacted("postgres: hunter2! is wrong for ingest_9, xhunter2! too") == (
        f"postgres: {REMOVED} is wrong for ingest_9, xhunter2! too"
    )


def test_errors_and_logs_hold_no_secret_from_the_beginning() -> None:
    record = logging.LogRecord("x", logging.INFO, "x", 1, "sent %s", (KEY,), None)
    record.exc_info = (ValueError, ValueError(KEY), None)
    LogFilter().filter(record)

    assert KEY not in logging.Formatter().format(record)
    assert str(UsageError(f"wrong: {KEY}")) == f"wrong: {REMOVED}"
    assert foreign(f"wrong:\n{KEY}\0 {'x' * 400}") == f"wrong: {REMOVED}\ufffd {'x' * 400}"[:300]
