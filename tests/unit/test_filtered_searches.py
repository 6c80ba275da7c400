"""Whether passages that pass a filter are looked for by the index, or all looked at."""

from __future__ import annotations

from ingest.corpus.filters import Filter
from ingest.corpus.search import Search
from ingest.database.searched_index import SearchedIndex, noted_effort
from ingest.model import FilterType

TENANT = (Filter("tenant", FilterType.TEXT, "=", "acme", 0),)


def test_few_are_as_many_as_take_no_longer_than_the_index_would() -> None:
    small, large = (
        Search(10, filters=TENANT, index=SearchedIndex(rows=rows, ef_search=400)) for rows in (20_000, 1_000_000)
    )

    assert small.few == 10_000
    assert 60_000 < large.few < 65_000
    # What the index may look at is what it takes to find enough of so few by lot.
    assert abs(large.visited * large.few / 1_000_000 - large.taken) < 1


def test_a_tenant_with_an_index_of_its_own_is_not_read_as_a_whole() -> None:
    own = SearchedIndex(rows=1_000_000, ef_search=400, by=frozenset({"tenant"}))

    assert Search(10, filters=TENANT, index=own).few == 10_000
    assert Search(10, filters=(Filter("tenant", FilterType.TEXT, "!=", "acme", 0),), index=own).few > 60_000


def test_the_comment_of_an_index_is_read_where_it_is_ours() -> None:
    assert noted_effort("hnsw.ef_search = 400, measured by pgvector-ingest at 1000000 vectors") == (400, 1_000_000)
    assert noted_effort("hnsw.ef_search = 400") is None
    assert noted_effort(None) is None
