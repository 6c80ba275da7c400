"""A reranker by its URL puts what is found in order: on each way to search, and what it says when it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ingest import IngestError, Searcher, UnreachableError, UsageError
from ingest.emulator import Fault
from ingest.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Outcome, Workshop

QUESTION = "aardvarks running at night"
BEST = "The aardvarks of this place were running at night."
KEY = "rK9-tQz4xW_vb72Lm"  # known to the whole process from then on: of no letters that others have


@pytest.fixture
def filled(workshop: Workshop) -> Workshop:
    for number in range(20):
        workshop.write(f"{number}.txt", f"About animal {number}: it runs and it sleeps.")
    workshop.write("best.txt", BEST)
    workshop.write("second.txt", "At night there is nobody.")
    with workshop.pipeline(mode="sync") as pipeline:
        pipeline.run([str(workshop.folder)])
    return workshop


def reranking(workshop: Workshop, **flags: object) -> dict[str, Any]:
    """The settings of a reranker, which is that of the emulator."""
    return {
        "rerank_url": f"{workshop.emulator.base_url}/rerank",
        "rerank_api_key": workshop.emulator.api_key,
        **flags,
    }


@pytest.mark.parametrize("model", [None, "rerank-v3.5", "rerank-2.5"])  # in the form of vLLM, Cohere, Voyage
def test_what_is_found_comes_in_the_order_of_the_reranker(filled: Workshop, model: str | None) -> None:
    flags = reranking(filled, rerank_model=model)
    with filled.pipeline() as pipeline:
        plain = pipeline.search(QUESTION, 2, mode="vector")
    with filled.pipeline(**flags) as pipeline:
        ranked = pipeline.search(QUESTION, 2, mode="vector")
    settings = {name: value for name, value in (filled.flags | flags).items() if name != "dimensions"}
    with Searcher(load_settings(settings)) as searcher:
        assert searcher.search(QUESTION, 2, mode="vector") == ranked

    expected = [BEST, "At night there is nobody."]
    assert [passage.content for passage in plain] != expected  # the vectors mean nothing
    assert [passage.content for passage in ranked] == expected
    assert [passage.score for passage in ranked] == [1.0, 0.5]


def test_without_its_url_none_is_asked(filled: Workshop) -> None:
    filled.emulator.set_faults(Fault("http_500_rerank"))

    with filled.pipeline() as pipeline:
        assert pipeline.search(QUESTION)


def test_nothing_is_asked_where_nothing_was_found(filled: Workshop) -> None:
    filled.emulator.set_faults(Fault("http_500_rerank"))

    with filled.pipeline(**reranking(filled)) as pipeline:
        assert pipeline.search("zebras", mode="words") == []


@pytest.mark.parametrize("fault", ["http_500_rerank", "http_429_rerank", "drop_before_rerank", "http_502_rerank"])
def test_a_call_that_fails_is_made_again(filled: Workshop, fault: str) -> None:
    filled.emulator.set_faults(Fault(fault, count=1, seconds=0.1))

    with filled.pipeline(**reranking(filled)) as pipeline:
        best, *_ = pipeline.search(QUESTION)

    assert best.content == BEST


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("http_500_rerank", "answers 500"),
        ("http_502_rerank", "answers 502"),
        ("drop_before_rerank", "is out of reach"),
        ("short_answer", "were to be ranked, and it ranks"),
    ],
)
def test_one_that_does_not_rank_is_told_in_a_line(filled: Workshop, fault: str, said: str) -> None:
    filled.emulator.set_faults(Fault(fault))

    with filled.pipeline(**reranking(filled)) as pipeline, pytest.raises(UnreachableError) as refused:
        pipeline.search(QUESTION, mode="words")

    assert str(refused.value).startswith(f"the reranker at {filled.emulator.base_url}/rerank")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_key_that_is_refused_is_named_and_not_shown(filled: Workshop) -> None:
    with filled.pipeline(**reranking(filled, rerank_api_key=KEY)) as pipeline, pytest.raises(UsageError) as refused:
        pipeline.search(QUESTION)

    assert "INGEST_RERANK_API_KEY" in str(refused.value)
    assert KEY not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["https://api.cohere.com/v2", "api.cohere.com/v2/rerank", "https://me:secret@host/rerank", "https:///rerank"]
)
def test_an_address_that_is_none_of_a_reranker_is_refused(url: str) -> None:
    with pytest.raises(IngestError, match="the setting rerank_url is wrong"):
        load_settings({"rerank_url": url})


def test_the_environment_names_it(filled: Workshop, ingest: Callable[..., Outcome]) -> None:
    environment = {
        "DATABASE_URL": filled.database_url,
        "OPENAI_BASE_URL": filled.emulator.base_url,
        "OPENAI_API_KEY": filled.emulator.api_key,
        "INGEST_RERANK_URL": f"{filled.emulator.base_url}/rerank",
        "INGEST_RERANK_API_KEY": filled.emulator.api_key,
    }

    told = ingest("search", QUESTION, "--vector", "--json", "-n", "1", environment=environment)

    assert [passage["content"] for passage in told.json["passages"]] == [BEST]
