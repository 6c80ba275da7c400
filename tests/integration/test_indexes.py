"""Which index is built, and what becomes of it in a large load."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingest.errors import UsageError

if TYPE_CHECKING:
    from conftest import Workshop

_INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'corpus' AND indexname LIKE 'chunks_embedding%%'"


def filled(workshop: Workshop, count: int = 12) -> None:
    for number in range(count):
        workshop.write(f"{number}.txt", f"All that is to be said about subject {number}.")
    with workshop.pipeline() as pipeline:
        pipeline.run([str(workshop.folder)])


@pytest.mark.parametrize(
    ("flags", "definition"),
    [
        ({}, "USING hnsw (embedding vector_cosine_ops) WITH (m='16', ef_construction='64')"),
        (
            {"distance": "l2", "hnsw_m": 8, "hnsw_ef_construction": 40},
            "USING hnsw (embedding vector_l2_ops) WITH (m='8', ef_construction='40')",
        ),
        ({"distance": "inner_product", "index_method": "ivfflat"}, "(embedding vector_ip_ops) WITH (lists='1')"),
        (
            {"index_method": "ivfflat", "ivfflat_lists": 5},
            "USING ivfflat (embedding vector_cosine_ops) WITH (lists='5')",
        ),
    ],
)
def test_the_settings_say_which_index_is_built(workshop: Workshop, flags: dict[str, object], definition: str) -> None:
    filled(workshop)

    with workshop.pipeline(**flags) as pipeline:
        pipeline.index()
        pipeline.index()  # anew, concurrently, beside the one there is
        (passage,) = pipeline.search("All that is to be said about subject 7.", 1)

    ((built,),) = workshop.query(_INDEXES)
    assert built.endswith(definition)
    assert passage.uri.endswith("/7.txt")


def test_what_pgvector_refuses_is_told_with_a_way_out(workshop: Workshop) -> None:
    workshop.write("a.txt", "Something to say.")
    with workshop.pipeline(model="text-embedding-3-large", dimensions=2001) as pipeline:
        pipeline.run([str(workshop.folder)])

        with pytest.raises(UsageError, match=r"at most 2,000 dimensions .* `ingest reembed` with --type"):
            pipeline.index()


def test_a_graph_that_pgvector_refuses_is_told(workshop: Workshop) -> None:
    filled(workshop)

    with workshop.pipeline(hnsw_ef_construction=20) as pipeline, pytest.raises(UsageError, match="twice hnsw_m, 32"):
        pipeline.index()


def test_a_large_load_drops_the_index_and_builds_it_after_and_a_small_one_keeps_it(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.pipeline._INDEX_FROM_ROWS", 10)
    oids = "SELECT oid FROM pg_class WHERE relname = 'chunks_embedding'"
    filled(workshop)
    first = workshop.query(oids)
    workshop.write("one.txt", "One text more.")
    with workshop.pipeline() as pipeline:
        pipeline.run([str(workshop.folder)])
    after_small = workshop.query(oids)

    filled(workshop, 60)

    assert len(first) == 1
    assert after_small == first
    assert len(workshop.query(oids)) == 1
    assert workshop.query(oids) != first
