"""Questions of the user's own, asked of a corpus: what is found, what is missed and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ingest.errors import UsageError
from ingest.evaluation import Miss

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from workshop import Outcome, Workshop

    from ingest.evaluation import Evaluation

# The vectors of the provider are made from a hash: nearness says nothing, words do.
TEXTS = {f"{number}.md": f"# Animal {number}\n\nIt runs, and it sleeps {number} hours." for number in range(60)}
TEXTS["aardvark.md"] = "---\ntenant: acme\n---\n# Aardvarks\n\nThe aardvarks of this place\nwere running at night.\n"
LONG = " ".join(f"Sentence {number} is about the platypus of the river." for number in range(60))
FILTERS = {"tenant": "text"}


@pytest.fixture
def filled(workshop: Workshop) -> Workshop:
    for name, text in TEXTS.items():
        workshop.write(name, text)
    workshop.write("platypus.txt", LONG)
    with workshop.pipeline(chunk_tokens=64, filters=FILTERS) as pipeline:
        pipeline.run([str(workshop.folder)])
    return workshop


@pytest.fixture
def asked(filled: Workshop, tmp_path: Path) -> Callable[..., Evaluation]:
    def ask(*questions: Mapping[str, object]) -> Evaluation:
        file = tmp_path / "questions.jsonl"
        file.write_text("".join(json.dumps(question) + "\n" for question in questions), encoding="utf-8")
        with filled.pipeline(filters=FILTERS) as pipeline:
            return pipeline.evaluate(file)

    return ask


AARDVARKS: dict[str, Any] = {
    "question": "running aardvarks",
    "excerpts": ["aardvarks of this place were running"],  # a line there, and two in the document
}


def test_an_answer_is_found_by_its_words_where_its_vector_lies_elsewhere(asked: Callable[..., Evaluation]) -> None:
    found = asked(AARDVARKS)

    both, vector, words = found.ways
    assert [way.name for way in found.ways] == ["hybrid", "vector", "words"]
    assert words.measures["recall@5"].mean == words.measures["whole@5"].mean == words.measures["MRR"].mean == 1
    assert both.outcomes[0].miss is None
    assert vector.outcomes[0].miss in {Miss.RANKED, Miss.BEYOND}
    assert found.asked[0].uri is not None
    assert found.asked[0].uri.endswith("/aardvark.md")
    assert {each.verdict for each in found.differences} == {"too few questions"}


def test_each_miss_has_its_reason(asked: Callable[..., Evaluation], filled: Workshop) -> None:
    filled.write("wombat.md", "The wombat digs.")
    with filled.pipeline() as pipeline:
        pipeline.sync([str(filled.folder)])

    found = asked(
        AARDVARKS | {"filters": ["tenant=acme"]},
        AARDVARKS | {"filters": ["tenant=umbrella"]},
        {"question": "the platypus of the river", "uris": ["platypus.txt"], "excerpts": [LONG]},
        {"question": "unicorns", "excerpts": ["unicorns are grey"]},
        {"question": "wombat", "uris": ["wombat.md"]},
        {"question": "Animal 7 sleeps 7 hours, animal 8 sleeps 8 hours", "uris": ["7.md", "8.md"]},
        {"question": "aardvarks", "uris": ["/nowhere/zebra.md"]},
    )

    words = found.ways[2]
    assert [outcome.miss for outcome in words.outcomes] == [
        None,
        Miss.FILTERED,
        Miss.CUT,
        Miss.ABSENT,
        Miss.UNEMBEDDED,
        None,
        Miss.ABSENT,
    ]
    assert [line.partition("line ")[2] for line in found.absent] == [
        '4: no document has the excerpt "unicorns are grey"',
        "7: there is no document /nowhere/zebra.md",
    ]


def test_ranks_and_the_curve_are_told(asked: Callable[..., Evaluation]) -> None:
    found = asked({"question": "it sleeps 41 hours", "uris": ["41.md"]}, AARDVARKS)

    words = found.ways[2]
    assert [(outcome.first, outcome.whole) for outcome in words.outcomes] == [(1, 1), (1, 1)]
    assert len(words.curve) == 25
    assert words.curve == [1.0] * 25


def test_without_terms_the_vectors_are_asked_alone(filled: Workshop, tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text(json.dumps(AARDVARKS))
    with filled.pipeline(keywords=False) as pipeline:
        found = pipeline.evaluate(file)

    assert [way.name for way in found.ways] == ["vector"]
    assert found.differences == []


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"question": "which?", "excerpts": ["unicorns"]}, "nothing that .* is in the corpus corpus: is it the right"),
        (AARDVARKS | {"uris": ["md"]}, "is in the corpus"),
        (AARDVARKS | {"filters": ["author=me"]}, "line 1: passages have no field author"),
        (AARDVARKS | {"filters": ["tenant"]}, "line 1: tenant is no filter"),
        (AARDVARKS | {"question": "why? " * 9000}, r"line 1: the question has [\d,]+ tokens, and .* at most 8,19"),
    ],
)
def test_what_cannot_be_asked_is_told_in_a_line(
    asked: Callable[..., Evaluation], question: Mapping[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        asked(question)

    assert "\n" not in str(raised.value)


def test_the_end_of_several_uris_is_none(asked: Callable[..., Evaluation], filled: Workshop) -> None:
    filled.write("more/7.md", "Another seven.")
    with filled.pipeline() as pipeline:
        pipeline.run([str(filled.folder)])

    with pytest.raises(UsageError, match=r"line 1: 7\.md is the end of several URIs \(.*more/7\.md.*\): give more"):
        asked({"question": "seven", "uris": ["7.md"]})
    found = asked({"question": "another seven", "uris": ["more/7.md"]})

    assert found.ways[2].outcomes[0].first == 1


def test_a_path_with_blanks_is_found_as_people_write_it(asked: Callable[..., Evaluation], filled: Workshop) -> None:
    path = filled.write("a b/ü.md", "The wombat digs.")
    with filled.pipeline() as pipeline:
        pipeline.run([str(filled.folder)])

    uris = ["a b/ü.md", str(path), "a%20b/%C3%BC.md"]
    found = asked(*({"question": "wombat", "uris": [uri]} for uri in uris))

    assert [outcome.first for outcome in found.ways[2].outcomes] == [1, 1, 1]


def test_an_excerpt_that_stands_nearly_everywhere_is_none(asked: Callable[..., Evaluation], filled: Workshop) -> None:
    for number in range(51):
        filled.write(f"wombat{number}.txt", f"{number} " + "wombat " * 20)
    with filled.pipeline() as pipeline:
        pipeline.run([str(filled.folder)])

    with pytest.raises(UsageError, match='line 2: the excerpt "wombat" stands in more than 1,000 places: give more'):
        asked(AARDVARKS, {"question": "which?", "excerpts": ["wombat"]})


def test_a_corpus_without_vectors_says_so(workshop: Workshop, tmp_path: Path) -> None:
    workshop.write("a.md", "The wombat digs.")
    file = tmp_path / "questions.jsonl"
    file.write_text(json.dumps({"question": "which?", "excerpts": ["wombat"]}))
    with workshop.pipeline() as pipeline:
        pipeline.sync([str(workshop.folder)])

        with pytest.raises(UsageError, match="no passage has a vector yet"):
            pipeline.evaluate(file)


@pytest.mark.usefixtures("filled")
def test_the_command_prints_tables_and_json(
    ingest: Callable[..., Outcome], environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text(
        json.dumps(AARDVARKS) + "\n" + json.dumps({"question": "unicorns", "excerpts": ["unicorns are grey"]})
    )

    (tmp_path / "mine.html").write_text("<p>mine</p>")
    printed = ingest("eval", file, "--report", tmp_path / "eval.html", environment=environment)
    refused = ingest("eval", file, "--report", tmp_path / "mine.html", environment=environment)
    told = ingest("eval", file, "--json", environment=environment)

    assert printed.status == told.status == 0, printed.err
    assert "recall@5   0.500 (0.00 to 1.00)" in printed.out
    assert "line 2: unicorns  not in the corpus" in printed.out
    assert 'line 2: no document has the excerpt "unicorns are grey"' in printed.err
    assert "1 question of 2 missed by hybrid" in (tmp_path / "eval.html").read_text(encoding="utf-8")
    assert (refused.status, "is there, and is not a report" in refused.err) == (2, True)
    assert told.json["ways"][2]["measures"]["MRR"]["mean"] == 0.5
    assert told.json["ways"][2]["misses"]["not in the corpus"] == 1
    assert told.json["ways"][2]["outcomes"] == [
        {"first": 1, "whole": 1, "miss": None},
        {"first": None, "whole": None, "miss": "not in the corpus"},
    ]


def test_questions_are_drafted_from_headings_and_can_be_asked(
    filled: Workshop, ingest: Callable[..., Outcome], environment: dict[str, str], tmp_path: Path
) -> None:
    body = "The burrows of wombats are long, and there are many of them. " * 4
    filled.write("wombats.md", f"# Marsupials\n\n## The burrows\n\n{body}\n\n## `Food` of wombats\n\n{body.upper()}\n")
    filled.write("quokkas.txt", "It smiles.")
    with filled.pipeline() as pipeline:
        pipeline.run([str(filled.folder)])
    file = tmp_path / "my questions.jsonl"

    drafted = ingest("eval", "init", file, "--json", environment=environment)
    again = ingest("eval", "init", file, environment=environment)
    asked = ingest("eval", file, "--json", environment=environment)

    assert drafted.status == 0
    assert drafted.json["command"] == "eval init"
    assert drafted.json["next"] == f"ingest eval '{file}'"
    questions = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert drafted.json["questions"] == len(questions) > 2
    [food] = [each for each in questions if each["question"] == "Food of wombats"]
    assert food["uris"] == [(filled.folder / "wombats.md").as_uri()]
    assert body.upper().startswith(food["excerpts"][0])
    assert (again.status, "is there: name another file" in again.err) == (2, True)
    assert asked.status == 0
    assert asked.json["absent"] == []
