"""An evaluation measures what searches bring: each text once, neighbours as one, in the order of a reranker."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ingest import UnreachableError, UsageError
from ingest.emulator import Fault
from ingest.evaluation import Miss

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from workshop import Outcome, Workshop

    from ingest.evaluation import Evaluation, Way
    from ingest.evaluation import Outcome as Came

SMALL: dict[str, Any] = {"chunk_tokens": 32, "mode": "sync"}
COPIED = "The aardvarks of this place run at night, and so do those of all other places that were ever seen by us."
ANSWER = "The burrows of aardvarks are long, and nobody has seen their end."


@pytest.fixture
def evaluated(workshop: Workshop, tmp_path: Path) -> Callable[..., Evaluation]:
    def evaluate(questions: Sequence[Mapping[str, object]], flags: Mapping[str, Any] = {}, **asked: Any) -> Evaluation:
        file = tmp_path / "questions.jsonl"
        file.write_text("".join(json.dumps(question) + "\n" for question in questions), encoding="utf-8")
        with workshop.pipeline(**SMALL) as pipeline:
            pipeline.run([str(workshop.folder)])
        with workshop.pipeline(**SMALL | dict(flags)) as pipeline:
            found = pipeline.evaluate(file, **asked)
        excerpt = str(next(iter(questions[0].get("excerpts") or [""])))  # type: ignore[call-overload]
        require_as_searched(workshop, found, excerpt, flags, asked.get("per_document"))
        return found

    return evaluate


def require_as_searched(
    workshop: Workshop, found: Evaluation, excerpt: str, flags: Mapping[str, Any], most: int | None
) -> None:
    """The first answer comes whole with a search for as many passages as is told, and not with one for fewer."""
    first, *_ = found.asked
    for way in found.ways:
        mode: Any = None if way.name == "reranked" else way.name
        given = {name: flags[name] for name in flags if way.name == "reranked" or "rerank" not in name}
        whole = way.outcomes[0].whole
        with workshop.pipeline(**SMALL | dict(given)) as pipeline:
            counts = {whole: True, whole - 1: False} if whole else {50: False}
            for count, is_there in counts.items():
                came = pipeline.search(first.question, count, mode=mode, per_document=most) if count else []
                holding = [each for each in came if first.uri in (each.uri, *each.also_in) and excerpt in each.content]
                assert bool(holding) is is_there, (way.name, count)


def words_of(found: Evaluation) -> tuple[Way, Came]:
    (way,) = (each for each in found.ways if each.name == "words")
    return way, way.outcomes[0]


def asked(**more: object) -> dict[str, object]:
    return {"question": "aardvarks of this place run at night", "excerpts": [ANSWER], **more}


def test_copies_of_a_text_take_no_place_of_others(workshop: Workshop, evaluated: Callable[..., Evaluation]) -> None:
    for number in range(40):
        workshop.write(f"copy{number}.txt", COPIED)
    workshop.write("answer.txt", f"{ANSWER} Of this place, that is.")

    way, came = words_of(evaluated([asked()]))

    assert (came.first, came.whole, came.miss) == (2, 2, None)
    assert way.measures["MRR"].mean == 0.5
    assert way.measures["recall@5"].mean == 1
    assert way.curve == [0.0, *[1.0] * 24]
    assert way.measures["nDCG@10"].mean == 0  # of the ranking, one by one: forty stand before it


@pytest.mark.parametrize("given", [{"uris": ["b.txt"]}, {"uris": ["b.txt"], "excerpts": [ANSWER]}])
def test_an_answer_comes_with_a_copy_of_it_too(
    workshop: Workshop, evaluated: Callable[..., Evaluation], given: dict[str, object]
) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        workshop.write(name, ANSWER)

    _, came = words_of(evaluated([{"question": "burrows of aardvarks", **given}]))

    assert (came.first, came.whole) == (1, 1)


def test_neighbours_come_as_one_passage_and_rank_as_one(
    workshop: Workshop, evaluated: Callable[..., Evaluation]
) -> None:
    parts = [
        f"Aardvarks of this place, and part {number} of what they do there at night, in many words."
        for number in range(4)
    ]
    workshop.write("long.txt", "\n\n".join(parts))
    workshop.write("answer.txt", f"{ANSWER} Of this place, that is.")

    way, came = words_of(evaluated([asked(question="aardvarks of this place night")]))

    assert (came.first, came.whole) == (2, 5)  # four passages of five, in one
    assert way.measures["MRR"].mean == 0.5


def test_of_one_document_come_no_more_than_are_let_come(
    workshop: Workshop,
    evaluated: Callable[..., Evaluation],
    ingest: Callable[..., Outcome],
    environment: dict[str, str],
) -> None:
    parts = [
        f"{number} aardvarks of this place run at night, some of them twice, as has been seen." for number in range(40)
    ]
    workshop.write("long.txt", "\n\n".join(parts))
    workshop.write("answer.txt", f"{ANSWER} Of this place, that is.")

    _, all_of_it = words_of(evaluated([asked()]))
    found = evaluated([asked()], per_document=1)
    _, one = words_of(found)
    command = ("eval", workshop.folder.parent / "questions.jsonl", "--per-document", "1")
    told = ingest(*command, "--json", environment=environment)
    shown = ingest(*command, "--report", workshop.folder.parent / "a.html", environment=environment)

    assert all_of_it.miss is Miss.RANKED
    assert (one.first, one.whole, one.miss) == (2, 2, None)
    assert found.per_document == told.json["per_document"] == 1
    page = (workshop.folder.parent / "a.html").read_text(encoding="utf-8")
    assert all("1 of a document at most" in each for each in (shown.out, page))
    with pytest.raises(UsageError, match="of a document come one passage or more, and not 0"):
        evaluated([asked()], per_document=0)


@pytest.fixture
def ranked(workshop: Workshop) -> dict[str, Any]:
    for number in range(60):
        workshop.write(f"{number}.txt", f"Aardvark, aardvark and {'again aardvark ' * (number % 7)}{number}.")
    for number in range(25):
        workshop.write(
            f"answer{number}.txt",
            f"The aardvark {number} is what was asked for in place{number}, and that at some length, to be found late.",
        )
    return {"rerank_url": f"{workshop.emulator.base_url}/rerank", "rerank_api_key": workshop.emulator.api_key}


def test_with_a_reranker_its_order_is_measured_beside_the_others(
    evaluated: Callable[..., Evaluation], ranked: dict[str, Any]
) -> None:
    questions = [
        {"question": f"what aardvark is in place{number}", "uris": [f"answer{number}.txt"]} for number in range(25)
    ]

    found = evaluated(questions, ranked | {"words_weight": 0.01}, compared=["words_weight=0.9"])

    assert [way.name for way in found.ways] == ["reranked", "hybrid", "vector", "words"]
    assert [(each.name, each.than, each.verdict) for each in found.differences] == [
        ("reranked", "hybrid", "better"),  # by words among fifty, of which the vectors mean nothing
        ("hybrid", "vector", "not shown"),
        ("hybrid", "words", "worse"),
        ("vector", "words", "worse"),
    ]
    assert found.differences[0].words.endswith("the difference is real")
    ((setting,), usual) = found.settings, found.ways[0]
    assert setting.way.measures["recall@5"].mean == 1 > usual.measures["recall@5"].mean  # reranked, too


def test_a_reranker_that_does_not_answer_is_told(
    workshop: Workshop, evaluated: Callable[..., Evaluation], ranked: dict[str, Any]
) -> None:
    workshop.emulator.set_faults(Fault("http_500_rerank"))

    with pytest.raises(UnreachableError, match=r"the reranker at .* answers 500"):
        evaluated([{"question": "aardvark in place1", "uris": ["answer1.txt"]}], ranked)
