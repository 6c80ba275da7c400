"""Every command at once, killed at random moments, under faults, in a database that others work in too."""

from __future__ import annotations

import random
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
from preloaded import KILLED, outcome, start
from promises import judge
from soaking import FAULTS, FLAGS

from ingest.corpus.integrity import check_integrity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.process import BaseProcess

    from workshop import Workshop

ROWS = 12
DOCUMENTS = 12
# How often each is chosen, of passages and of a column of the application's own table.
VERBS = {
    "run": 5,
    "sync": 2,
    "submit": 2,
    "load": 2,
    "cancel": 1,
    "retry": 1,
    "clean": 1,
    "index": 1,
    "reembed": 4,
    "roll_back": 1,
    "finish": 2,
    "search": 1,
    "fill": 3,
}
_LONGEST_LIFE_S = 1.2
_KILLS_OF_A_GENERATION = 40
_OTHERS = """
CREATE SCHEMA IF NOT EXISTS app;
CREATE TABLE app.articles (id bigint PRIMARY KEY, body text NOT NULL);
INSERT INTO app.articles SELECT n, format('Article %s as it was at first.', n) FROM generate_series(1, 12) n;
CREATE TABLE corpus.feedback (id bigint PRIMARY KEY, clicks bigint NOT NULL);
INSERT INTO corpus.feedback SELECT n, 0 FROM generate_series(1, 100) n;
CREATE VIEW corpus.liked AS SELECT * FROM corpus.feedback WHERE clicks > 0;
CREATE FUNCTION corpus.clicks() RETURNS numeric LANGUAGE sql AS 'SELECT sum(clicks) FROM corpus.feedback';
CREATE TABLE public.documents AS SELECT n AS id, n::text AS uri FROM generate_series(1, 101) n;
"""
_PASSAGES = """
    SELECT d.uri, count(c.embedding), (SELECT dimensions FROM corpus.corpus)
    FROM corpus.documents d LEFT JOIN corpus.chunks c ON c.document_id = d.id GROUP BY d.id
"""


@dataclass(slots=True)
class Mixture:
    """What a mixture did, and what it found."""

    seed: int
    kills: int = 0
    ends: dict[str, int] = field(default_factory=dict)
    """How commands ended that were not killed: "verb status"."""
    generations: int = 0
    texts: int = 0
    lost: int = 0
    billed_twice: int = 0
    wrong_vectors: int = 0
    foreign_touched: int = 0
    gaps: int = 0
    waits: int = 0
    """Statements of the application that waited for a lock for more than a second."""
    refusals: list[str] = field(default_factory=list)
    """What the database answered to the application, where it was no rows."""
    faults_in_books: list[str] = field(default_factory=list)
    """What the check of `ingest doctor` found."""
    crashes: int = 0
    looks: int = 0
    clicks: int = 0
    seconds: float = 0.0
    faults_fired: dict[str, int] = field(default_factory=dict)

    @property
    def promises_kept(self) -> bool:
        """Whether nothing was lost, paid twice, put on a wrong text, or done to others."""
        return not (
            self.lost
            or self.billed_twice
            or self.wrong_vectors
            or self.foreign_touched
            or self.gaps
            or self.waits
            or self.refusals
            or self.faults_in_books
            or self.crashes
        )


def mix(
    workshop: Workshop,
    *,
    kills: int,
    seed: int,
    seconds: float,
    tell: Callable[[Mixture], None] = lambda _: None,
) -> Mixture:
    """Start two to four commands at once and kill them, until there were so many kills, or the time is over."""
    dice = random.Random(seed)
    figures = Mixture(seed)
    began_s = time.monotonic()
    _change(workshop, dice, 0)
    first = workshop.flags | FLAGS
    assert outcome(start("run", first, [str(workshop.folder)])) == 0
    with psycopg.connect(workshop.database_url, autocommit=True) as connection:
        connection.execute(_OTHERS.encode())

    def goes_on() -> bool:
        figures.seconds = round(time.monotonic() - began_s, 1)
        return figures.kills < kills and figures.seconds < seconds

    with _application(workshop, figures):
        while goes_on() and figures.promises_kept:
            figures.generations += 1
            _change(workshop, dice, figures.generations)
            workshop.emulator.set_faults(*dice.sample(FAULTS, dice.randint(3, 6)))
            target = figures.kills + _KILLS_OF_A_GENERATION
            while goes_on() and figures.kills < target:
                _at_once(workshop, dice, figures)
            for name, count in workshop.emulator.fired().items():
                figures.faults_fired[name] = figures.faults_fired.get(name, 0) + count
            _in_peace(workshop, figures)
            _look(workshop, figures)
            tell(figures)
    goes_on()
    return figures


def _change(workshop: Workshop, dice: random.Random, generation: int) -> None:
    """A third of the documents are written anew, one goes, one comes: no text ever comes back."""
    for number in range(generation, generation + DOCUMENTS):
        path = workshop.folder / f"{number}.txt"
        if not path.exists() or dice.random() < 1 / 3:
            workshop.write(path.name, f"This is document {number} in its version {generation}.")
    (workshop.folder / f"{generation - 1}.txt").unlink(missing_ok=True)
    if generation:
        with psycopg.connect(workshop.database_url, autocommit=True) as connection:
            for row in dice.sample(range(1, ROWS + 1), ROWS // 3):
                body = f"Article {row} in its version {generation}."
                connection.execute("UPDATE app.articles SET body = %s WHERE id = %s", (body, row))


def _flags(workshop: Workshop, verb: str) -> dict[str, Any]:
    """The settings of a command: those of the corpus are its own, once it is there."""
    flags = workshop.flags | FLAGS
    if verb == "fill":
        return flags | {"corpus": "articles"}
    del flags["dimensions"], flags["chunk_tokens"]
    if verb == "reembed":
        flags["dimensions"] = _wanted_dimensions(workshop)
    return flags


def _wanted_dimensions(workshop: Workshop) -> int:
    """Those of the version that is begun, else one more than any version had: no text is paid for the same twice."""
    with psycopg.connect(workshop.database_url, autocommit=True) as connection:

        def dimensions(schema: str) -> int:
            try:
                row = connection.execute(f"SELECT dimensions FROM {schema}.corpus".encode()).fetchone()
            except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
                return 0
            return int(row[0]) if row else 0

        begun = dimensions("corpus__next")
        return begun or max(dimensions("corpus"), dimensions("corpus__old")) + 1


def _at_once(workshop: Workshop, dice: random.Random, figures: Mixture) -> None:
    verbs = dice.choices(list(VERBS), list(VERBS.values()), k=dice.randint(2, 4))
    processes: list[tuple[str, BaseProcess]] = [
        (verb, start(verb, _flags(workshop, verb), [str(workshop.folder)], quiet=True)) for verb in verbs
    ]
    for verb, process in processes:
        process.join(dice.uniform(0.02, _LONGEST_LIFE_S))
        process.kill()
        _note(figures, verb, outcome(process))  # type: ignore[arg-type]
        process.close()


def _note(figures: Mixture, verb: str, status: int) -> None:
    if status == KILLED:
        figures.kills += 1
        return
    figures.ends[f"{verb} {status}"] = figures.ends.get(f"{verb} {status}", 0) + 1
    figures.crashes += status in (1, 70)  # an error that is not ours


def _in_peace(workshop: Workshop, figures: Mixture) -> None:
    """Everything to its end: what was begun is finished."""
    for verb in ("run", "fill", "reembed", "finish"):
        while (status := outcome(start(verb, _flags(workshop, verb), [str(workshop.folder)]))) == 3:
            pass
        _note(figures, verb, status)


def _look(workshop: Workshop, figures: Mixture) -> None:
    ((dimensions,),) = workshop.query("SELECT dimensions FROM corpus.corpus")
    rows = workshop.query("SELECT content, headings, context_headings, embedding FROM chunks ORDER BY id")
    wrong, missing = judge(rows, dimensions)
    articles = workshop.query("SELECT body, ARRAY[]::text[], 0, embedding FROM app.articles ORDER BY id")
    wrong_rows, missing_rows = judge(articles)
    ledger = workshop.emulator.ledger()
    clicked = figures.clicks  # before the look: the application goes on
    ((clicks, foreign),) = workshop.query("SELECT corpus.clicks(), (SELECT count(*) FROM public.documents)")
    figures.texts = ledger["distinct_texts"]
    figures.wrong_vectors += wrong + wrong_rows
    figures.lost += missing + missing_rows
    figures.billed_twice = ledger["texts_billed_more_than_once"]
    for corpus in ("corpus", "articles"):
        with workshop.pipeline(corpus=corpus) as pipeline:
            figures.faults_in_books += check_integrity(pipeline.connection).faults
    figures.foreign_touched += (foreign != 101) + (clicks < clicked)


@contextmanager
def _application(workshop: Workshop, figures: Mixture) -> Iterator[None]:
    """What others do in this database meanwhile: they read passages, and write into tables of their own."""
    done = threading.Event()

    def read() -> None:
        had: set[str] = set()
        version = None
        while not done.is_set():
            with psycopg.connect(workshop.database_url, autocommit=True) as connection:
                connection.execute("SET lock_timeout = '1s'")
                try:
                    while not done.is_set():
                        found = connection.execute(_PASSAGES.encode()).fetchall()
                        figures.looks += 1
                        if found and found[0][2] != version:
                            version, had = found[0][2], set()
                        figures.gaps += sum(uri in had and not count for uri, count, _ in found)
                        had = {uri for uri, count, _ in found if count}
                except psycopg.errors.LockNotAvailable:
                    figures.waits += 1
                except psycopg.Error as error:
                    figures.refusals.append(str(error))
                    return

    def write() -> None:
        while not done.is_set():
            with psycopg.connect(workshop.database_url, autocommit=True) as connection:
                connection.execute("SET lock_timeout = '1s'")
                try:
                    while not done.is_set():
                        connection.execute(
                            "UPDATE corpus.feedback SET clicks = clicks + 1 WHERE id = 1 + %s %% 100", (figures.clicks,)
                        )
                        figures.clicks += 1
                        connection.execute("SELECT count(*) FROM corpus.liked")
                        connection.execute("UPDATE app.articles SET id = id WHERE id = 1 + %s %% 12", (figures.clicks,))
                        time.sleep(0.01)
                except psycopg.errors.LockNotAvailable:
                    figures.waits += 1
                except psycopg.Error as error:
                    figures.refusals.append(str(error))
                    return

    threads = [threading.Thread(target=each) for each in (read, write)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()
