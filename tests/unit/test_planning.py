from __future__ import annotations

import pytest

from ingest.corpus.planning import plan_indexing, priced_model
from ingest.errors import UsageError
from ingest.provider import wire_of
from ingest.settings import load_settings

OTHER = {"model": "BAAI/bge-m3", "dimensions": 1024, "chunk_tokens": 400}


def test_a_model_that_is_not_in_the_catalogue_is_what_is_said_of_it() -> None:
    indexing = plan_indexing(load_settings(OTHER), None, is_local=False)

    assert (indexing.model, indexing.dimensions, indexing.chunk_tokens) == ("BAAI/bge-m3", 1024, 400)
    assert indexing.embedding_model.tokenizer == "cl100k_base"
    assert indexing.sent_dimensions is None


def test_a_column_of_the_users_own_holds_to_what_is_said_of_such_a_model() -> None:
    indexing = plan_indexing(load_settings(OTHER), None, is_local=False, whole=True)

    assert indexing.chunk_tokens == 400


def test_what_a_corpus_knows_of_such_a_model_need_not_be_said_again() -> None:
    stored = plan_indexing(load_settings(OTHER), None, is_local=False)

    assert plan_indexing(load_settings({}), stored, is_local=False) == stored


@pytest.mark.parametrize("left_out", ["dimensions", "chunk_tokens"])
def test_a_model_of_which_too_little_is_said_is_refused(left_out: str) -> None:
    said = {name: value for name, value in OTHER.items() if name != left_out}

    with pytest.raises(UsageError, match=r"unknown model 'BAAI/bge-m3'.*--dimensions.*--chunk-tokens"):
        plan_indexing(load_settings(said), None, is_local=False)


def test_such_a_model_costs_what_the_settings_say() -> None:
    prices = {"BAAI/bge-m3": {"batch": 0.008}}
    settings = load_settings(OTHER | {"prices": prices})

    assert priced_model(settings, plan_indexing(settings, None, is_local=False)).usd_per_million_batch == 0.008


def test_a_corpus_of_documents_is_asked_of_no_provider_that_has_no_word_for_them() -> None:
    settings = load_settings({"provider": "gemini", "model": "gemini-embedding-001"})
    indexing = plan_indexing(settings, None, is_local=False)
    gateway = load_settings({"base_url": "https://gateway.example/v1", "api_key": "k", "model": "gemini-embedding-001"})

    assert indexing.has_sides
    assert indexing.parameters(wire_of("gemini"), "query", None, "float").side == "query"
    with pytest.raises(UsageError, match="take the --provider that embedded them"):
        indexing.parameters(wire_of("openai"), "query", None, "float")
    assert not plan_indexing(gateway, None, is_local=False).has_sides
