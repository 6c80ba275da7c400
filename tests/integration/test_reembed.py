"""Another model beside the old one: no reader sees a mixture or a gap."""

from __future__ import annotations

from random import Random
from threading import Thread
from typing import TYPE_CHECKING

import psycopg
import pytest
from promises import CORPUS_FLAGS, write_corpus
from reembeddings import NEW, reembed, schemas, watched

from ingest.chunker import tokenizer
from ingest.database.connection import connect
from ingest.database.locks import corpus_lock
from ingest.errors import BudgetError, UsageError
from ingest.model import embedded_text
from ingest.provider import MODELS

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Outcome, Workshop


_PASSAGES = """
    SELECT count(c.embedding), count(*), array_agg(DISTINCT vector_dims(c.embedding::vector))
    FROM corpus.documents d JOIN corpus.chunks c ON c.document_id = d.id
"""


def sections(*names: str) -> str:
    return "\n\n".join(f"# {name}\n\n" + f"All that is to be said about {name}. " * 12 for name in names)


def filled(workshop: Workshop, documents: int = 8) -> int:
    """A corpus in use; its chunks."""
    for number in range(documents):
        workshop.write(f"{number}.md", sections(*(f"{name} {number}" for name in ("ants", "bees", "cats"))))
    with workshop.pipeline(chunk_tokens=128) as pipeline:
        return pipeline.run([str(workshop.folder)]).chunks


def passages(workshop: Workshop) -> tuple[object, ...]:
    return workshop.query(_PASSAGES)[0]


def test_readers_have_the_old_vectors_or_the_new_and_never_none(workshop: Workshop) -> None:
    chunks = filled(workshop)

    with watched(workshop.database_url, _PASSAGES) as log:
        report = reembed(workshop, max_batch_requests=5)

    old, new = (chunks, chunks, [64]), (chunks, chunks, [32])
    assert set(map(str, log)) == {str(old), str(new)}
    assert log.index(old) < log.index(new)
    assert report.load.loaded == chunks
    assert workshop.query("SELECT model, dimensions, vector_type FROM corpus") == [tuple(NEW.values())]
    with workshop.pipeline() as pipeline:
        assert pipeline.settings.dimensions == 64
    with workshop.pipeline(**NEW) as pipeline:
        assert pipeline.search("All that is to be said about bees 3", 1)[0].score > 0


def test_after_the_swap_a_run_pays_only_for_what_changed(workshop: Workshop) -> None:
    chunks = filled(workshop)
    reembed(workshop)
    ids = workshop.query("SELECT max(id) FROM chunks")
    workshop.write("0.md", sections("ants 0", "wasps 0", "cats 0"))

    with workshop.pipeline(**NEW) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert (report.sync.documents_unchanged, report.embedded) == (7, chunks)
    assert 0 < report.load.loaded <= chunks / 8
    assert workshop.query("SELECT max(id) FROM chunks") > ids


def test_what_changes_meanwhile_is_in_the_new_version_too(workshop: Workshop) -> None:
    filled(workshop)
    (workshop.folder / "1.md").unlink()
    workshop.write("2.md", sections("gnats 2", "ants 2"))
    workshop.write("new.md", sections("quite new"))

    def change(_tokens: int, _dollars: float) -> bool:  # asked after the corpus was mirrored
        with workshop.pipeline(chunk_tokens=128) as other:
            other.run([str(workshop.folder)])
        return True

    with workshop.pipeline(**NEW) as pipeline:
        pipeline.reembed(change)

    uris = {uri.rpartition("/")[2] for (uri,) in workshop.query("SELECT uri FROM documents")}
    assert uris == {"0.md", "2.md", "3.md", "4.md", "5.md", "6.md", "7.md", "new.md"}
    embedded, chunks, dimensions = passages(workshop)
    assert (embedded, dimensions) == (chunks, [32])
    assert workshop.query("SELECT count(*) > 0 FROM chunks WHERE content LIKE '%%gnats%%'") == [(True,)]
    assert workshop.query("SELECT count(*) FROM chunks WHERE content LIKE '%%bees 2%%'") == [(0,)]


def test_a_reembedding_that_was_stopped_goes_on_where_it_was(workshop: Workshop) -> None:
    chunks = filled(workshop)
    before = workshop.emulator.ledger()["texts"]

    with workshop.pipeline(**NEW) as pipeline, pytest.raises(BudgetError):
        pipeline.reembed(lambda _tokens, _dollars: False)
    between = passages(workshop)
    reembed(workshop)

    assert between == (chunks, chunks, [64])
    assert passages(workshop) == (chunks, chunks, [32])
    assert workshop.emulator.ledger()["texts"] == before + chunks


def test_it_can_be_rolled_back_until_it_is_finished(workshop: Workshop) -> None:
    chunks = filled(workshop)
    reembed(workshop)

    with workshop.pipeline() as pipeline:
        pipeline.roll_back()
        assert passages(workshop) == (chunks, chunks, [64])
        assert schemas(workshop) == {"corpus", "corpus__next"}
    before = workshop.emulator.ledger()
    assert reembed(workshop).tokens == 0  # all of it is there already
    assert passages(workshop) == (chunks, chunks, [32])
    assert workshop.emulator.ledger() == before
    with workshop.pipeline() as pipeline:
        assert pipeline.finish() == "corpus__old"
        with pytest.raises(UsageError, match="no older version"):
            pipeline.roll_back()
    assert schemas(workshop) == {"corpus"}


def test_who_may_read_the_old_version_may_read_the_new(workshop: Workshop) -> None:
    filled(workshop)
    role = f"reader_{workshop.query('SELECT current_database()')[0][0]}"
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute(f"CREATE ROLE {role}".encode())
        connection.execute(f"GRANT USAGE ON SCHEMA corpus TO {role}".encode())
        connection.execute("GRANT SELECT ON corpus.documents TO PUBLIC")
        connection.execute(f"GRANT SELECT ON corpus.chunks TO {role}".encode())
    try:
        reembed(workshop)

        with psycopg.connect(workshop.database_url) as connection:
            connection.execute(f"SET ROLE {role}".encode())
            assert connection.execute(_PASSAGES).fetchone() is not None
    finally:
        with psycopg.connect(workshop.database_url) as connection:
            connection.execute(f"DROP OWNED BY {role}".encode())
            connection.execute(f"DROP ROLE {role}".encode())


def test_indexes_of_the_users_own_are_made_for_the_new_version(workshop: Workshop) -> None:
    filled(workshop)
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute("CREATE INDEX words ON corpus.chunks USING gin (to_tsvector('english', content))")
        connection.execute('CREATE UNIQUE INDEX "My Own" ON corpus.documents (lower(uri)) WHERE id > 0')
        connection.execute("CREATE INDEX far ON corpus.chunks USING hnsw (embedding vector_l2_ops) WITH (m = 6)")
    with workshop.pipeline() as pipeline:
        pipeline.index()
    indexes = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'corpus' ORDER BY 1"
    before = workshop.query(indexes)

    report = reembed(workshop)

    after = [(name, definition.replace("halfvec_", "vector_")) for name, definition in workshop.query(indexes)]
    assert after == before
    assert report.indexed
    assert passages(workshop)[2] == [32]


def test_who_may_read_columns_of_the_old_version_may_read_those_of_the_new(workshop: Workshop) -> None:
    filled(workshop)
    role = f"reader_{workshop.query('SELECT current_database()')[0][0]}"
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute(f"CREATE ROLE {role}".encode())
        connection.execute(f"GRANT USAGE ON SCHEMA corpus TO {role}".encode())
        connection.execute(f"GRANT SELECT (content, embedding) ON corpus.chunks TO {role}".encode())
    try:
        reembed(workshop)

        with psycopg.connect(workshop.database_url) as connection:
            connection.execute(f"SET ROLE {role}".encode())
            assert connection.execute("SELECT content, embedding FROM corpus.chunks").fetchone() is not None
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("SELECT ordinal FROM corpus.chunks")
    finally:
        with psycopg.connect(workshop.database_url) as connection:
            connection.execute(f"DROP OWNED BY {role}".encode())
            connection.execute(f"DROP ROLE {role}".encode())


def test_what_still_reads_the_old_version_is_not_dropped_with_it(workshop: Workshop) -> None:
    filled(workshop)
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute("CREATE VIEW public.passages AS SELECT content FROM corpus.chunks")
    reembed(workshop)

    with workshop.pipeline() as pipeline, pytest.raises(UsageError, match=r"view public\.passages depends on table"):
        pipeline.finish()

    assert "corpus__old" in schemas(workshop)


def test_what_is_not_named_anew_stays_as_it_is(workshop: Workshop) -> None:
    workshop.write("a.md", sections("ants"))
    with workshop.pipeline(**NEW) as pipeline:
        pipeline.run([str(workshop.folder)])

    with workshop.pipeline(dimensions=16) as pipeline:
        pipeline.reembed()

    assert workshop.query("SELECT model, dimensions, vector_type FROM corpus") == [(NEW["model"], 16, "halfvec")]


def test_the_same_model_is_refused(workshop: Workshop) -> None:
    filled(workshop)

    with workshop.pipeline() as pipeline, pytest.raises(UsageError, match="already"):
        pipeline.reembed()


def test_the_command_line_reembeds_rolls_back_and_discards(workshop: Workshop, ingest: Callable[..., Outcome]) -> None:
    filled(workshop)
    environment = {
        "DATABASE_URL": workshop.database_url,
        "OPENAI_BASE_URL": workshop.emulator.base_url,
        "OPENAI_API_KEY": workshop.emulator.api_key,
    }

    new = ("--model", "text-embedding-3-large", "--dimensions", "32", "--type", "halfvec")
    outcomes = [
        ingest("reembed", *arguments, environment=environment) for arguments in (new, ["--rollback"], ["--discard"])
    ]

    assert [outcome.status for outcome in outcomes] == [0, 0, 0], outcomes
    assert "halfvec(32)" in outcomes[0].out
    assert "to pay" not in outcomes[0].out  # nothing was read: the cost is told once
    assert outcomes[0].out.count(" tokens") == outcomes[0].out.count("cost ") == 1
    assert schemas(workshop) == {"corpus"}


def test_two_reembeds_build_one_index_after_the_other(workshop: Workshop) -> None:
    write_corpus(workshop)
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.run([str(workshop.folder)])
        pipeline.index()
    ended = []

    def one_of_two() -> None:
        with workshop.pipeline(**CORPUS_FLAGS | {"dimensions": 32}) as pipeline:
            pipeline.reembed()
            ended.append(True)

    thread = Thread(target=one_of_two)
    with connect(workshop.database_url, "corpus__next") as other, corpus_lock(other, "corpus__next", "index"):
        thread.start()
        thread.join(4)
        assert ended == []
    thread.join()

    assert ended == [True]


WORDPIECES = {"model": "all-MiniLM-L6-v2", "dimensions": 384}


def test_a_model_that_counts_otherwise_has_its_own_counts_of_the_same_passages(workshop: Workshop) -> None:
    filled(workshop, 2)
    before = workshop.query("SELECT content, token_count FROM chunks ORDER BY id")
    reembed(workshop, **WORDPIECES)
    after = workshop.query(
        "SELECT content, headings, context_headings, table_header, token_count FROM chunks ORDER BY id"
    )

    assert [row[0] for row in after] == [content for content, _ in before]
    count = tokenizer(MODELS["all-MiniLM-L6-v2"].tokenizer).count
    told = [count(embedded_text(headings, depth, content, header)) for content, headings, depth, header, _ in after]
    assert [row[-1] for row in after] == told
    assert told != [tokens for _, tokens in before]


def test_passages_that_are_too_long_for_the_new_model_are_told_before_anything_is_sent(workshop: Workshop) -> None:
    random = Random(1)
    workshop.write("numbers.txt", " ".join(f"{random.getrandbits(64):016x}" for _ in range(200)))
    with workshop.pipeline(chunk_tokens=250) as pipeline:
        pipeline.run([str(workshop.folder)])
    sent = workshop.emulator.ledger()["requests"]

    with pytest.raises(UsageError, match="over the new model's limit"):
        reembed(workshop, **WORDPIECES)
    assert workshop.emulator.ledger()["requests"] == sent
    with workshop.pipeline() as pipeline:
        assert pipeline.finish(discard=True) == "corpus__next"
        assert pipeline.search("numbers", 1)
