"""One small but whole story of a corpus and of a column, to be told in any world; and what must be true at its end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
from workshop import Workshop

from ingest.corpus.integrity import check_integrity
from ingest.doctor import examine
from ingest.emulator import Fault, hash_vectors
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ingest.emulator import RunningEmulator

OLD_MODEL, NEW_MODEL = "text-embedding-3-small", "text-embedding-3-large"
FLAGS: dict[str, Any] = {"dimensions": 8, "poll_seconds": 0.05, "list_lag_seconds": 0.5, "max_batch_requests": 6}
NEW: dict[str, Any] = {"model": NEW_MODEL, "dimensions": 16, "vector_type": "halfvec"}
COLUMN: dict[str, Any] = {"corpus": "filling"}
ARTICLES = Table("app.articles", text="body", into="embedding")
TABLE: tuple[str, ...] = ("CREATE TABLE app.articles (id bigint PRIMARY KEY, body text, note text)",)

# What is others', beside our things and among them: a story must leave it as it was.
BESIDE: tuple[str, ...] = (
    "CREATE TABLE app.orders AS SELECT n AS id, 'order ' || n AS note FROM generate_series(1, 100) n",
    "CREATE VIEW app.large_orders AS SELECT * FROM app.orders WHERE id > 50",
    "CREATE FUNCTION app.order_count() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM app.orders'",
    "CREATE SCHEMA corpus__archive CREATE TABLE documents (id bigint, text text)",
    "INSERT INTO corpus__archive.documents VALUES (1, 'kept')",
)
AMONG: tuple[str, ...] = (
    "CREATE TABLE corpus.feedback AS SELECT n AS id, 'liked' AS said FROM generate_series(1, 100) n",
    "CREATE VIEW corpus.feedback_count AS SELECT count(*) FROM corpus.feedback",
    "CREATE FUNCTION corpus.liked() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM corpus.feedback'",
)
_FOREIGN: str = """
    SELECT n.nspname, c.relname, c.relkind::text, c.oid::bigint, pg_get_viewdef(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE (n.nspname, c.relname) IN (('app', 'orders'), ('app', 'large_orders'), ('corpus__archive', 'documents'),
           ('corpus', 'feedback'), ('corpus', 'feedback_count'))
    UNION ALL
    SELECT n.nspname, p.proname, 'f', p.oid::bigint, p.prosrc
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE (n.nspname, p.proname) IN (('app', 'order_count'), ('corpus', 'liked'))
    ORDER BY 1, 2
"""


@dataclass(frozen=True)
class World:
    """A database in which the program has to live. `url`: what it is told; `owner_url`: the same database, for us.

    `path`: that of others, as they write; `among`: what they do among our tables once there are some; `faults`: the
    provider's; `checks`: what else must be so at the end.
    """

    url: str
    owner_url: str
    path: str = "pg_catalog"
    among: tuple[str, ...] = ()
    edits_after_the_way_back: bool = False
    faults: tuple[Fault, ...] = ()
    checks: tuple[Callable[[World], None], ...] = ()
    flags: dict[str, Any] = field(default_factory=dict)

    def look(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What stands in the database, whoever may see it; names are qualified."""
        with _own(self.owner_url, "pg_catalog") as connection:
            return connection.execute(statement.encode(), parameters or None).fetchall()

    def change(self, *statements: str) -> None:
        """What others do in the database."""
        with _own(self.owner_url, self.path) as connection:
            for statement in statements:
                connection.execute(statement.encode())


def _own(url: str, path: str) -> psycopg.Connection[tuple[Any, ...]]:
    """A session without the oddities of the world."""
    settings = (
        f"search_path={path}",
        "default_transaction_isolation=read\\ committed",
        "default_transaction_read_only=off",
    )
    return psycopg.connect(url, autocommit=True, options=" ".join(f"-c {setting}" for setting in settings))


def tell(world: World, emulator: RunningEmulator, base: Path) -> Workshop:
    """The story, from an empty database to its last line."""
    folder = base / "files"
    folder.mkdir()
    workshop = Workshop(world.url, emulator, folder, base / "data")
    flags = FLAGS | world.flags
    emulator.set_faults(*world.faults)

    def run(**more: object) -> None:
        with workshop.pipeline(**flags | more) as pipeline:
            report = pipeline.run([str(folder)])
            assert report.failures == []

    def fill(**more: object) -> None:
        with workshop.pipeline(**flags | COLUMN | more) as pipeline:
            report = pipeline.run(ARTICLES)
            assert report.failures == []

    def reembed(**more: object) -> None:
        with workshop.pipeline(**flags | NEW | more) as pipeline:
            assert pipeline.reembed().failures == []

    def roll_back(**more: object) -> None:
        with workshop.pipeline(**flags | more) as pipeline:
            pipeline.roll_back()

    def finish(**more: object) -> None:
        with workshop.pipeline(**flags | more) as pipeline:
            pipeline.finish()

    # Indexed, edited, deleted.
    for number in range(9):
        workshop.write(f"{number}.txt", f"This is document number {number}, and nothing else is.")
    run()
    world.change(*AMONG, *world.among)
    foreign = _foreign_of(world)
    workshop.write("3.txt", "Document three, in its second edition.")
    (folder / "4.txt").unlink()
    run()
    _read(world, workshop, flags, "Document three, in its second edition.")

    # A column beside it.
    fill()
    world.change(
        "UPDATE app.articles SET body = 'An article edited' WHERE id = 2",
        "DELETE FROM app.articles WHERE id = 3",
        "UPDATE app.articles SET body = '' WHERE id = 4",
        "INSERT INTO app.articles (id, body) VALUES (100, 'An article added')",
    )
    fill()
    _vectors_of_articles(world, OLD_MODEL, 8)

    # Another model; a document is added, the old one put back, the document edited, and the new one taken again.
    reembed()
    last = "A document that came after the swap."
    workshop.write("new.txt", last)
    run(**NEW)
    roll_back()
    if world.edits_after_the_way_back:
        last = "A document that came after the swap, edited after the way back."
        workshop.write("new.txt", last)
    run()
    _passages(world, workshop, OLD_MODEL, 8)
    reembed()
    finish()
    _read(world, workshop, flags | NEW, last)

    # The same for the column.
    reembed(**COLUMN)
    _vectors_of_articles(world, NEW_MODEL, 16)
    roll_back(**COLUMN)
    world.change("UPDATE app.articles SET body = 'An article edited after the way back' WHERE id = 5")
    fill()
    _vectors_of_articles(world, OLD_MODEL, 8)
    reembed(**COLUMN)
    finish(**COLUMN)

    # The end.
    _passages(world, workshop, NEW_MODEL, 16)
    _vectors_of_articles(world, NEW_MODEL, 16)
    assert _billed_again(emulator) == []
    assert _foreign_of(world) == foreign
    assert world.look("SELECT nspname FROM pg_namespace WHERE nspname IN ('corpus__old', 'filling__old')") == []
    for corpus in ("corpus", "filling"):
        assert integrity_faults(workshop, corpus) == []
    for check in world.checks:
        check(world)
    return workshop


def integrity_faults(workshop: Workshop, corpus: str) -> list[str]:
    """What the tool's own check of a corpus finds."""
    with workshop.pipeline(corpus=corpus) as pipeline:
        return check_integrity(pipeline.connection).faults


def _foreign_of(world: World) -> list[tuple[Any, ...]]:
    """What is others': which things there are, and that what stands in them is whole."""
    things = world.look(_FOREIGN)
    assert world.look("SELECT count(*), min(note), app.order_count() FROM app.orders") == [(100, "order 1", 100)]
    assert world.look("SELECT text FROM corpus__archive.documents") == [("kept",)]
    if any(name == "feedback" for _, name, *_ in things):
        assert world.look("SELECT count(*), corpus.liked() FROM corpus.feedback") == [(100, 100)]
        assert world.look("SELECT * FROM corpus.feedback_count") == [(100,)]
    return things


def _billed_again(emulator: RunningEmulator) -> list[object]:
    """The texts that batches were billed for more than once; a question is asked apart, as often as one likes."""
    bills = Counter(
        (bill["text_sha256"], bill["model"], bill["dimensions"]) for bill in emulator.bills() if bill["batch_id"]
    )
    return [text for text, times in bills.items() if times > 1]


def _read(world: World, workshop: Workshop, flags: dict[str, Any], text: str) -> None:
    """Everything that only reads."""
    with workshop.pipeline(**flags) as pipeline:
        assert pipeline.search(text, 1)[0].content == text
        assert pipeline.search(text, 3, mode="hybrid")[0].content == text
        assert pipeline.status().failed_requests == 0
        assert pipeline.costs().total.texts > 0
        assert [check.finding for check in examine(pipeline) if not check.ok] == []
        statements = pipeline.search_sql(text, 1)
    with psycopg.connect(world.url, autocommit=True) as connection:
        connection.execute("SET search_path TO public")  # as a program of the user's own has it
        rows: list[tuple[Any, ...]] = []
        for statement in filter(None, map(str.strip, statements.split(";\n"))):
            cursor = connection.execute(statement.encode())
            rows = cursor.fetchall() if cursor.description else rows
        assert text in rows[0]


def _passages(world: World, workshop: Workshop, model: str, dimensions: int) -> None:
    """Each document of the folder has its passage, and each passage the vector of its text."""
    rows = world.look(
        "SELECT d.text_of, c.content, c.embedding::text FROM corpus.chunks c JOIN (SELECT id, uri AS text_of "
        "FROM corpus.documents) d ON d.id = c.document_id ORDER BY c.content"
    )
    texts = sorted(path.read_text() for path in workshop.folder.iterdir())
    assert [content for _, content, _ in rows] == texts
    _are_vectors(texts, [vector for *_, vector in rows], model, dimensions)


def _vectors_of_articles(world: World, model: str, dimensions: int) -> None:
    """Each row with a text has its vector, and no other has one."""
    rows = world.look("SELECT body, embedding::text FROM app.articles ORDER BY id")
    assert {body for body, vector in rows if vector is None} <= {"", None}
    assert {vector for body, vector in rows if not body} <= {None}
    filled = [(body, vector) for body, vector in rows if body]
    _are_vectors([body for body, _ in filled], [vector for _, vector in filled], model, dimensions)


def _are_vectors(texts: list[str], vectors: list[str], model: str, dimensions: int) -> None:
    found = np.array([[float(number) for number in vector[1:-1].split(",")] for vector in vectors])
    assert found.shape == (len(texts), dimensions)
    assert np.allclose(found, hash_vectors(texts, model, dimensions), atol=1e-3)
