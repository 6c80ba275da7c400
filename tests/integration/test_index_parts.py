"""Values of a filter that have a vector index of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from search_plans import plan_of

from ingest.errors import UsageError

if TYPE_CHECKING:
    from workshop import Workshop

pytestmark = pytest.mark.broken_books("passages are written that no document has")
BY_TENANT = {"filters": {"tenant": "text"}, "index_by": "tenant"}
ODD = "o'brien {} %s"  # of which SQL must make nothing
TEXT = "what a tenant has"
_PARTS = (
    "SELECT pg_get_expr(indpred, indrelid) FROM pg_index WHERE indrelid = 'corpus.chunks'::regclass "
    "AND indpred IS NOT NULL AND indisvalid AND indexrelid::regclass::text LIKE '%%chunks_embedding_%%' ORDER BY 1"
)


def filled(workshop: Workshop, **tenants: int) -> None:
    """A corpus with so many passages of each tenant beside the one that was read."""
    workshop.write("a.md", f"---\ntenant: acme\n---\n{TEXT}")
    with workshop.pipeline(filters=BY_TENANT["filters"]) as pipeline:
        pipeline.run([str(workshop.folder)])
    for tenant, count in tenants.items():
        add(workshop, ODD if tenant == "odd" else tenant, count)


def add(workshop: Workshop, tenant: str, count: int) -> None:
    workshop.query(
        "WITH document AS (INSERT INTO documents (uri, title, source, content_hash, metadata) "
        "VALUES ('made:' || %s, '', 'made', '', jsonb_build_object('tenant', %s::text)) RETURNING id) "
        "INSERT INTO chunks (document_id, ordinal, content, headings, token_count, context_headings, text_hash, "
        "tenant, embedding) SELECT d.id, n, n || ' of them', '{}', 1, 0, '', %s, "
        "(SELECT array_agg(random() - 0.5 + 0 * n + 0 * i) FROM generate_series(1, 64) i)::vector "
        "FROM document d, generate_series(1, %s) n RETURNING 1",
        *[tenant] * 3,
        count,
    )
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute("ANALYZE corpus.chunks")


def remove(workshop: Workshop, tenant: str) -> None:
    workshop.query("DELETE FROM documents WHERE uri = 'made:' || %s RETURNING 1", tenant)


def parts(workshop: Workshop) -> list[str]:
    return [condition for (condition,) in workshop.query(_PARTS)]


def searched_by(workshop: Workshop, tenant: str) -> str:
    """The names of the indexes on vectors that a search of a tenant goes by."""
    with workshop.pipeline(**BY_TENANT) as pipeline:
        statements = pipeline.search_sql(TEXT, 5, mode="vector", filters=[f"tenant={tenant}"])
    return plan_of(workshop, statements)


def test_values_that_many_passages_have_get_an_index_of_their_own(workshop: Workshop) -> None:
    filled(workshop, acme=10_001, odd=10_001, small=300)

    with workshop.pipeline(**BY_TENANT) as pipeline:
        pipeline.index()
        found = pipeline.search(TEXT, 3, mode="vector", filters=["tenant=acme"])
        among = pipeline.search(TEXT, 3, mode="vector", filters=[f"tenant={ODD}"])

    assert parts(workshop) == ["(tenant = 'acme'::text)", "(tenant = 'o''brien {} %s'::text)"]
    assert found[0].uri.endswith("/a.md")
    assert len(among) == 3
    assert "chunks_embedding_" in searched_by(workshop, "acme")
    assert "chunks_embedding_" in searched_by(workshop, ODD)
    assert "chunks_embedding_" not in searched_by(workshop, "small")


def test_the_indexes_of_values_follow_the_passages_and_the_setting(workshop: Workshop) -> None:
    filled(workshop, acme=10_001)
    with workshop.pipeline(**BY_TENANT) as pipeline:
        pipeline.run([str(workshop.folder)])
    assert parts(workshop) == ["(tenant = 'acme'::text)"]

    add(workshop, "globex", 10_001)
    remove(workshop, "acme")
    with workshop.pipeline(**BY_TENANT) as pipeline:
        pipeline.run([str(workshop.folder)])
    assert parts(workshop) == ["(tenant = 'globex'::text)"]

    with workshop.pipeline() as pipeline:
        pipeline.run([str(workshop.folder)])
    assert parts(workshop) == []


def test_a_reembedded_corpus_has_the_indexes_of_values_that_it_had(workshop: Workshop) -> None:
    filled(workshop, acme=10_001)
    with workshop.pipeline(**BY_TENANT) as pipeline:
        pipeline.index()
        remove(workshop, "acme")
    with workshop.pipeline(**BY_TENANT, dimensions=32) as pipeline:
        pipeline.reembed()
        built = parts(workshop)
        pipeline.drop()

    assert built == ["(tenant = 'acme'::text)"]
    assert workshop.query("SELECT to_regnamespace('corpus')") == [(None,)]


@pytest.mark.parametrize("verb", ["run", "index"])
def test_a_filter_that_there_is_not_is_refused_before_anything_is_paid(workshop: Workshop, verb: str) -> None:
    filled(workshop)
    sent = workshop.emulator.ledger()["requests"]
    workshop.write("b.md", "what another has")

    with workshop.pipeline(index_by="year") as pipeline, pytest.raises(UsageError, match="index_by is year, which is"):
        pipeline.run([str(workshop.folder)]) if verb == "run" else pipeline.index()

    assert workshop.emulator.ledger()["requests"] == sent
