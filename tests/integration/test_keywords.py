"""Search by words: the same as BM25 written down plainly, whatever was done to the corpus; and what is found by it."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from psycopg import sql

from ingest.corpus.search import BM25
from ingest.errors import UsageError
from ingest.keywords import FREQUENCIES, asked_terms, detect_language, make_terms

if TYPE_CHECKING:
    from workshop import Workshop

    from ingest.pipeline import Pipeline

WORDS = ("restore", "backup", "index", "indexes", "E0425", "ef_search", "query", "planner", "vacuum", "wal")
K1, B = 1.2, 0.4


def bm25(texts: dict[int, str], question: str, language: str) -> dict[int, float]:
    """By the book (Robertson and Zaragoza, 2009), with frequencies as they are kept."""
    passages = {number: make_terms(text, language) for number, text in texts.items()}
    frequencies = {number: {key & -8: FREQUENCIES[key & 7] for key in terms.keys} for number, terms in passages.items()}
    mean = sum(terms.length for terms in passages.values()) / max(len(passages), 1)
    scores: dict[int, float] = defaultdict(float)
    for (key,) in asked_terms(question, [language]):
        having = [number for number in passages if key in frequencies[number]]
        rarity = math.log(1 + (len(passages) - len(having) + 0.5) / (len(having) + 0.5))
        for number in having:
            often, length = frequencies[number][key], passages[number].length
            scores[number] += rarity * (K1 + 1) * often / (often + K1 * (1 - B + B * length / mean))
    return scores


def found_by_words(pipeline: Pipeline, question: str, limit: int = 1000) -> dict[str, float]:
    return {passage.content: passage.score for passage in pipeline.search(question, limit, mode="words")}


class Corpus(RuleBasedStateMachine):
    """Documents that come, are edited and go, a new model in place of the old; each time every word is asked for."""

    workshop: Workshop

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[int, str] = {}
        self.dimensions = 8

    @rule(number=st.integers(0, 4), words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=40))
    def write(self, number: int, words: list[str]) -> None:
        self.texts[number] = f"The {number} " + " ".join(words)
        self.workshop.write(f"{number}.txt", self.texts[number])

    @rule(number=st.integers(0, 4))
    def remove(self, number: int) -> None:
        if len(self.texts) > 1 and self.texts.pop(number, ""):
            (self.workshop.folder / f"{number}.txt").unlink()

    @rule()
    def reembed(self) -> None:
        if self.texts:
            self.run()
            self.dimensions = 24 - self.dimensions
            with self.workshop.pipeline(dimensions=self.dimensions) as pipeline:
                pipeline.reembed()
                pipeline.finish()

    def run(self) -> None:
        with self.workshop.pipeline(dimensions=self.dimensions) as pipeline:
            pipeline.run([str(self.workshop.folder)])

    @invariant()
    def it_is_found_as_by_the_book(self) -> None:
        if not self.texts:
            return
        self.run()
        with self.workshop.pipeline(dimensions=self.dimensions) as pipeline:
            for question in (*WORDS, "restore backup of indexes", "the"):
                expected = {
                    self.texts[number]: score for number, score in bm25(self.texts, question, "english").items()
                }
                assert found_by_words(pipeline, question) == pytest.approx(expected)

    def teardown(self) -> None:
        with psycopg.connect(self.workshop.database_url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA IF EXISTS corpus, corpus__next, corpus__old CASCADE")
        for number in self.texts:
            (self.workshop.folder / f"{number}.txt").unlink()


def test_words_are_weighed_as_by_the_book_whatever_is_done(workshop: Workshop) -> None:
    Corpus.workshop = workshop

    run_state_machine_as_test(
        Corpus,
        settings=settings(
            max_examples=3, stateful_step_count=5, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def fill(workshop: Workshop, *texts: str, **flags: object) -> None:
    for number, text in enumerate(texts):
        workshop.write(f"{number}.txt", text)
    with workshop.pipeline(**flags) as pipeline:
        pipeline.run([str(workshop.folder)])


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("东京塔", "我们昨天参观了东京塔。"),
        ("全文検索", "このデータベースは全文検索に対応しています。"),
        ("검색 엔진", "검색엔진은 문서를 찾는다."),
        ("ค้นหา", "ระบบนี้ค้นหาเอกสารได้"),
        ("резервная копия", "Как восстановить базу из резервной копии"),
        ("error e0425", "rustc fails with E0425: cannot find value"),
        ("search ef", "SET HNSW_ef_search = 40"),
        ("3.11", "It was fixed in v3.11.7 at last"),
        ("http response", "call getHTTPResponse() for it"),
        ("Zürich", "Die Bahn nach Zurich faehrt spaeter"),
    ],
)
def test_words_of_any_script_and_names_in_parts_are_found(workshop: Workshop, question: str, text: str) -> None:
    fill(workshop, text, "Nothing of the kind is here.", "Ein Text über Pferde und was sie für die Menschen sind.")

    with workshop.pipeline() as pipeline:
        assert next(iter(found_by_words(pipeline, question)), None) == text


def test_each_language_has_its_stems_and_all_are_asked(workshop: Workshop) -> None:
    english = "The servers were restarted after that, and it was what they had all been waiting for."
    german = "Die Häuser wurden danach verkauft, und das war es, worauf sie alle gewartet hatten."

    fill(workshop, english, german)

    assert (detect_language(english), detect_language(german)) == ("english", "german")
    assert workshop.query("SELECT languages FROM corpus") == [(["english", "german"],)]
    with workshop.pipeline() as pipeline:
        assert list(found_by_words(pipeline, "server restart")) == [english]
        assert list(found_by_words(pipeline, "Haus verkaufen")) == [german]
        assert found_by_words(pipeline, "was it") == {}


@pytest.mark.parametrize(
    "question",
    [
        "'",
        '"a phrase" or -not',
        "a & b | !c:*",
        "\\",
        "%s %(keys)s {terms}",
        "\u200b",
        "🦀",
        "ﬁ ﷺ",
        "word " * 10_000,
    ],
)
def test_no_question_is_too_odd(workshop: Workshop, question: str) -> None:
    fill(workshop, "A word of it.")

    with workshop.pipeline() as pipeline:
        found = pipeline.search(question, 1, mode="words")

    assert [passage.content for passage in found] == (["A word of it."] if "word" in question else [])


def test_what_is_deleted_is_not_found_in_the_same_transaction(workshop: Workshop) -> None:
    fill(workshop, "An aardvark.", "A zebra.")
    with workshop.pipeline() as pipeline:
        statements = pipeline.search_sql("aardvark zebra", mode="words").replace("BEGIN;", "").replace("COMMIT;", "")

    with psycopg.connect(workshop.database_url) as connection:
        connection.execute("DELETE FROM corpus.chunks WHERE content = 'A zebra.'")
        found = answer(connection, statements)
        connection.rollback()

    assert list(found) == ["An aardvark."]


def test_a_corpus_without_terms_is_searched_by_vectors_until_it_is_filled_unpaid(workshop: Workshop) -> None:
    fill(workshop, "An aardvark.", "A zebra.", keywords=False)
    assert workshop.query("SELECT count(*) FROM chunk_terms") == [(0,)]
    with workshop.pipeline() as pipeline:
        assert pipeline.search("aardvark")[0].words is None
        with pytest.raises(UsageError, match="no terms"):
            pipeline.search("aardvark", mode="words")
        report = pipeline.run([str(workshop.folder)])
        assert list(found_by_words(pipeline, "aardvark")) == ["An aardvark."]
    assert report.sync is not None
    assert report.sync.tokens_to_pay == 0

    with workshop.pipeline(language="german") as pipeline:
        pipeline.run([str(workshop.folder)])
    assert workshop.query("SELECT languages FROM corpus") == [(["german"],)]

    with workshop.pipeline(keywords=False) as pipeline:
        pipeline.run([str(workshop.folder)])
    assert workshop.query("SELECT count(*) FROM chunk_terms") == [(0,)]


def test_common_words_are_read_of_the_best_alone(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {number: f"Common text {'rare' if number % 10 == 0 else 'plain'} {number}" for number in range(60)}
    fill(workshop, *texts.values())
    analyze(workshop)
    expected = bm25(texts, "common rare", "english")
    monkeypatch.setitem(BM25, "postings", sql.Literal(10))

    found = ranked(workshop, "common rare", 6)

    beside = ranked(workshop, "common rare aardvark", 6)
    more = ranked(workshop, "common rare", 20)

    rare = {number for number in texts if number % 10 == 0}
    assert found == pytest.approx({texts[number]: score for number, score in expected.items() if number in rare})
    assert beside.keys() == found.keys()  # a word that nobody has is no rarer than those that are found
    assert len(more) == 20  # of common words, too, where the rare ones have too few passages
    assert list(more)[:6] == list(found)


def test_a_word_that_a_passage_has_often_is_read_before_rarer_ones_that_add_less(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    often = [f"Planner planner planner planner planner planner planner planner {number}" for number in range(3)]
    rarer = [f"Planner vacuum {number}" for number in range(20)]
    fill(workshop, *often, *rarer, *(f"Nothing of it {number}" for number in range(60)))
    analyze(workshop)
    monkeypatch.setitem(BM25, "postings", sql.Literal(10))

    found = ranked(workshop, "planner vacuum", 3)

    assert found.keys() == set(often)


def test_how_many_are_wanted_does_not_change_which_are_best(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = random.Random(5)
    texts = [f"{number} " + " ".join(chosen.choices(WORDS, range(1, 11), k=8)) for number in range(80)]
    fill(workshop, *texts)
    analyze(workshop)
    monkeypatch.setitem(BM25, "postings", sql.Literal(40))

    for question in ("restore backup wal vacuum planner", "index E0425 query wal"):
        passages = list(ranked(workshop, question, 10))
        for limit in (1, 3):
            assert list(ranked(workshop, question, limit)) == passages[:limit]


def test_all_words_are_read_where_there_are_no_statistics(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(workshop, "A rare one", *(f"Common common common {number}" for number in range(60)))
    with psycopg.connect(workshop.database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE corpus.chunk_terms ALTER terms TYPE integer[]")  # its statistics go
    monkeypatch.setitem(BM25, "postings", sql.Literal(10))

    found = ranked(workshop, "common rare", 5)

    assert next(iter(found)) == "A rare one"


def test_of_more_passages_than_are_sampled_it_is_known_how_many_there_are(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {number: " ".join(f"word{number}x{each}" for each in range(100)) for number in range(120)}
    texts[7] = texts[7].replace("word7x1 ", "restore ")
    fill(workshop, *texts.values())
    analyze(workshop)
    monkeypatch.setitem(BM25, "sampled", sql.Literal(4 * 8192))

    found = ranked(workshop, "restore", 5)

    assert workshop.query("SELECT pg_relation_size('chunk_terms') > 7 * 8192") == [(True,)]
    assert found == pytest.approx({texts[7]: bm25(texts, "restore", "english")[7]})


def ranked(workshop: Workshop, question: str, limit: int) -> dict[str, float]:
    """What the statement finds, and no more: a search looks for some to spare."""
    with workshop.pipeline() as pipeline:
        statements = pipeline.search_sql(question, limit, mode="words")
    with psycopg.connect(workshop.database_url, autocommit=True) as connection:
        return answer(connection, statements)


def answer(connection: psycopg.Connection[tuple[Any, ...]], statements: str) -> dict[str, float]:
    cursor = connection.execute(statements.encode())
    while cursor.description is None or cursor.description[0].name != "score":
        assert cursor.nextset()
    return {row[5]: row[0] for row in cursor.fetchall()}


def analyze(workshop: Workshop) -> None:
    with psycopg.connect(workshop.database_url, autocommit=True) as connection:
        connection.execute("ANALYZE corpus.chunk_terms")
