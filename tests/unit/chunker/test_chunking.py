"""How a document becomes chunks, and by what it is told that it is chunked already."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from ingest.chunker.chunking import _CHUNKER_VERSION, Chunking
from ingest.model import Document, OverLimit, Syntax

CHUNKING = Chunking("cl100k_base", 32, 0, embed_headings=True, max_document_bytes=1_000)
SHORT = "A few words.\n"
LONG = "A sentence of seven words, or so. " * 9


def document(text: str, syntax: Syntax = Syntax.TEXT) -> Document:
    return Document("a.txt", "A", text, syntax)


def test_a_fingerprint_stays_as_it_is_for_another_would_have_all_documents_read_anew() -> None:
    assert CHUNKING.fingerprint == f"{_CHUNKER_VERSION}:cl100k_base:32:0:1"
    assert replace(CHUNKING, overlap=7, embed_headings=False).fingerprint == f"{_CHUNKER_VERSION}:cl100k_base:32:7:0"
    assert replace(CHUNKING, over_limit=OverLimit.CUT, mark="whole").fingerprint == "1:cl100k_base:32:0:1:whole"


def test_a_document_is_known_by_its_text_its_syntax_and_how_it_is_chunked() -> None:
    for syntax in (Syntax.TEXT, Syntax.CODE):
        hashed = f"{CHUNKING.fingerprint}:{syntax}\nné".encode()
        assert CHUNKING.content_hash(document("né", syntax)) == sha256(hashed).digest()


def test_passages_are_made_by_what_the_chunking_says() -> None:
    text = f"# Title\n\n{LONG}\n\n## Part\n\n{LONG}"

    plain = CHUNKING.split(document(text))
    overlapping = replace(CHUNKING, overlap=12).split(document(text, Syntax.MARKDOWN))
    unheaded = replace(CHUNKING, embed_headings=False).split(document(text, Syntax.MARKDOWN))

    assert "".join(one.content for one in plain) == text
    assert max(one.token_count for one in plain) <= 32
    assert {one.headings for one in plain} == {()}
    assert sum(len(one.content) for one in overlapping) > len(text)
    assert overlapping[-1].headings == ("Title", "Part")
    assert overlapping[-1].context_headings == 2
    assert unheaded[-1].headings == ("Title", "Part")
    assert unheaded[-1].context_headings == 0


@pytest.mark.parametrize("over_limit", OverLimit)
def test_a_row_that_the_limit_allows_is_one_chunk_as_it_stands(over_limit: OverLimit) -> None:
    chunking = replace(CHUNKING, over_limit=over_limit)
    row = document(f"  {SHORT}")
    full = document(" " + "word " * 32)

    for each, tokens in ((row, 4), (full, 32)):
        (chunk,) = chunking.split(each)
        assert (chunk.ordinal, chunk.content, chunk.headings, chunk.context_headings) == (0, each.text, (), 0)
        assert chunk.token_count == tokens
        assert not chunking.is_long(each, [chunk])
        assert not chunking.is_cut(each, [chunk])


@pytest.mark.parametrize("text", ["", " \n"])
def test_a_row_without_text_has_no_chunk(text: str) -> None:
    for over_limit in (None, *OverLimit):
        chunking = replace(CHUNKING, over_limit=over_limit)

        assert chunking.split(document(text)) == []
        assert not chunking.is_long(document(text), [])
        assert not chunking.is_cut(document(text), [])


def test_a_row_over_the_limit_is_refused_cut_or_made_the_mean_of_its_passages() -> None:
    row = document(LONG)
    refuse, cut, average = (
        replace(CHUNKING, over_limit=each) for each in (OverLimit.REFUSE, OverLimit.CUT, OverLimit.AVERAGE)
    )

    refused, first, passages = refuse.split(row), cut.split(row), average.split(row)

    assert [(one.content, one.token_count > 32) for one in refused] == [(LONG, True)]
    assert len(passages) > 1
    assert "".join(one.content for one in passages) == LONG
    assert first == passages[:1]
    assert (refuse.is_long(row, refused), cut.is_long(row, first), average.is_long(row, passages)) == (True, True, True)
    assert (refuse.is_cut(row, refused), cut.is_cut(row, first), average.is_cut(row, passages)) == (False, True, False)
    assert not CHUNKING.is_long(row, CHUNKING.split(row))


def test_a_row_of_two_passages_is_long() -> None:
    chunking = replace(CHUNKING, over_limit=OverLimit.AVERAGE)
    row = document("word " * 50)

    passages = chunking.split(row)

    assert len(passages) == 2
    assert chunking.is_long(row, passages)
