"""Fields of the metadata as typed columns of the passages, and searches that filter by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from reembeddings import NEW, reembed

from ingest.corpus import search
from ingest.corpus.search import BM25
from ingest.errors import UsageError
from ingest.sources.files import Files
from ingest.sources.records import Fields

if TYPE_CHECKING:
    from pathlib import Path

    from workshop import Workshop

    from ingest.corpus import SearchMode

FILTERS = {"tenant": "text", "published": "date", "stars": "integer"}
LINES = (
    '{"id": 1, "text": "Ants dig.", "tenant": "acme", "published": "2024-01-31", "stars": 3}\n'
    '{"id": 2, "text": "Ants dig deep.", "tenant": "bolt", "published": "2024-02-29T10:00:00Z", "stars": "4"}\n'
    '{"id": 3, "text": "Bees fly.", "tenant": "bolt", "published": "soon", "stars": null}\n'
)


def records(path: Path) -> Files:
    return Files([str(path)], Fields(metadata=("tenant", "published", "stars")))


def columns(workshop: Workshop) -> list[tuple[object, ...]]:
    return workshop.query("SELECT tenant, published::text, stars FROM chunks ORDER BY document_id")


@pytest.fixture
def filled(workshop: Workshop) -> Workshop:
    path = workshop.write("a.jsonl", LINES)
    with workshop.pipeline(filters=FILTERS) as pipeline:
        report = pipeline.run(records(path))
    assert [each.reason for each in report.sync.lossy] == ["its published is no date, and left empty: soon"]
    return workshop


def test_fields_are_typed_columns_with_indexes(filled: Workshop) -> None:
    assert columns(filled) == [("acme", "2024-01-31", 3), ("bolt", "2024-02-29", 4), ("bolt", None, None)]
    assert filled.query(
        "SELECT attname, atttypid::regtype::text FROM pg_attribute WHERE attrelid = 'chunks'::regclass "
        "AND attname IN ('tenant', 'published', 'stars') ORDER BY attnum"
    ) == [("tenant", "text"), ("published", "date"), ("stars", "bigint")]
    assert filled.query("SELECT count(*) FROM pg_indexes WHERE indexname LIKE 'chunks_filter_%%'") == [(3,)]


@pytest.mark.parametrize("mode", ["vector", "words", "hybrid"])
def test_searches_filter_by_them(filled: Workshop, mode: SearchMode) -> None:
    with filled.pipeline() as pipeline:

        def found(*filters: str) -> set[str]:
            return {passage.content for passage in pipeline.search("ants dig", 5, mode=mode, filters=filters)}

        assert found("tenant=acme") == {"Ants dig."}
        assert found("tenant = bolt", "published>=2024-02-01") == {"Ants dig deep."}
        assert found("stars<4") == {"Ants dig."}
        assert found("tenant!=acme", "stars>=4", "stars<=4") == {"Ants dig deep."}
        assert found("tenant=' OR true --") == set()
        assert found("tenant!=acme", "tenant!=bolt") == set()
        assert found("tenant=acme", "tenant=acme") == {"Ants dig."}
        statement = pipeline.search_sql("ants dig", 5, mode=mode, filters=["tenant=o'bolt", "stars>1"])
        for wrong, words in (
            ("color=red", "no field color"),
            ("stars=many", "is no integer"),
            ("tenant", "no filter"),
            ("1=1; DROP TABLE corpus.chunks", "no filter"),
            ("uri=x OR 1=1", "no field uri"),
            ("tenant=a\0b", "is no text"),
            ("tenant=a\udcff", "is no text"),
            ("stars=" + "many\n" * 10_000, "is no integer"),
        ):
            with pytest.raises(UsageError, match=words) as refused:
                found(wrong)
            assert len(str(refused.value)) < 200
            assert "\n" not in str(refused.value)
        with pytest.raises(UsageError, match="at most 100 filters, and these are 10,000"):
            found(*["tenant=acme"] * 10_000)

    with psycopg.connect(filled.database_url, autocommit=True) as connection:
        connection.execute(statement.encode())


def test_a_change_of_metadata_alone_changes_the_columns_and_costs_nothing(filled: Workshop) -> None:
    path = filled.write("a.jsonl", LINES.replace("acme", "zeta"))
    ids = filled.query("SELECT id, embedding FROM chunks ORDER BY id")

    with filled.pipeline() as pipeline:  # the corpus keeps its filters
        report = pipeline.run(records(path))

    assert (report.sync.tokens_to_pay, report.tokens) == (0, 0)
    assert columns(filled)[0] == ("zeta", "2024-01-31", 3)
    assert filled.query("SELECT id, embedding FROM chunks ORDER BY id") == ids


def test_other_fields_are_filled_from_what_is_kept(filled: Workshop) -> None:
    path = filled.folder / "a.jsonl"
    with filled.pipeline(filters={"stars": "text", "tenant": "text"}) as pipeline:
        report = pipeline.run(records(path))

    assert report.tokens == 0
    assert filled.query("SELECT stars, tenant FROM chunks ORDER BY document_id") == [
        ("3", "acme"),
        ("4", "bolt"),
        (None, "bolt"),
    ]
    assert filled.query(
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 'chunks'::regclass AND attname = 'published'"
    ) == [(0,)]


def test_a_new_version_and_the_one_before_have_them(filled: Workshop) -> None:
    before = columns(filled)

    reembed(filled)
    swapped = columns(filled)
    indexes = filled.query(
        "SELECT count(*) FROM pg_indexes WHERE schemaname = 'corpus' AND indexname LIKE 'chunks_filter_%%'"
    )
    with filled.pipeline(**NEW) as pipeline:
        passages = pipeline.search("ants dig", 5, filters=["tenant=acme"])
        filled.write("a.jsonl", LINES.replace("acme", "zeta"))
        pipeline.run(records(filled.folder / "a.jsonl"))
        changed = columns(filled)
        pipeline.roll_back()

    assert (swapped, indexes) == (before, [(3,)])
    assert [passage.content for passage in passages] == ["Ants dig."]
    assert changed[0][0] == "zeta"
    assert columns(filled) == before


@pytest.mark.parametrize("name", ["content", "ctid", "Tenant", "a b"])
def test_a_name_that_no_column_can_have_is_refused(workshop: Workshop, name: str) -> None:
    path = workshop.write("a.jsonl", LINES)

    with workshop.pipeline(filters={name: "text"}) as pipeline, pytest.raises(UsageError, match="name"):
        pipeline.sync(records(path))


def test_a_field_that_no_column_can_be_called_by_has_one_all_the_same(workshop: Workshop) -> None:
    path = workshop.write("a.jsonl", '{"id": 1, "text": "One.", "by": {"Name": "Ann"}, "Reviewed-On": "2024-01-31"}\n')
    source = Files([str(path)], Fields(metadata=("by.Name", "Reviewed-On")))
    with (
        workshop.pipeline(filters={"by.Name": "text"}) as pipeline,
        pytest.raises(UsageError, match="by_name is that of"),
    ):
        pipeline.sync(source)
    with workshop.pipeline(filters={"by_name": "text", "reviewed_on": "date"}) as pipeline:
        pipeline.sync(source)

    assert workshop.query("SELECT by_name, reviewed_on::text FROM chunks") == [("Ann", "2024-01-31")]


def test_few_that_pass_a_filter_are_all_found_by_an_index_that_would_give_up(workshop: Workshop) -> None:
    lines = [f'{{"id": {number}, "text": "Text {number}.", "stars": {number % 240}}}\n' for number in range(1200)]
    path = workshop.write("a.jsonl", "".join(lines))
    with workshop.pipeline(filters={"stars": "integer"}) as pipeline:
        pipeline.run(Files([str(path)], Fields(metadata=("stars",))))
    assert workshop.query("SELECT count(*) FROM pg_indexes WHERE indexdef LIKE '%%hnsw%%'") == [(1,)]
    with psycopg.connect(workshop.database_url, autocommit=True) as connection:
        connection.execute("DROP INDEX corpus.chunks_filter_stars")  # by which the planner would be right
        for setting in ("hnsw.max_scan_tuples", "enable_sort", "enable_bitmapscan", "enable_seqscan"):
            connection.execute(
                sql.SQL("ALTER DATABASE {} SET {} = {}").format(
                    sql.Identifier(connection.info.dbname),
                    sql.Identifier(*setting.split(".")),
                    sql.Literal(1 if setting.startswith("hnsw") else False),
                )
            )

    with workshop.pipeline(hnsw_ef_search=5) as pipeline:
        found = pipeline.search("Text", 5, mode="vector", filters=["stars=7"])
        most = pipeline.search("Text", 5, mode="vector", filters=["stars<120"])

    assert {each.content for each in found} == {f"Text {number}." for number in range(7, 1200, 240)}
    assert len(most) == 5


@pytest.mark.parametrize("quantize", ["none", "bit"])
def test_many_that_pass_a_filter_come_by_the_index_in_their_order_and_what_it_misses_by_looking_at_all(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, quantize: str
) -> None:
    lines = [f'{{"id": {number}, "text": "Text {number}.", "stars": {number % 12}}}\n' for number in range(1200)]
    path = workshop.write("a.jsonl", "".join(lines))
    with workshop.pipeline(filters={"stars": "integer"}, index_quantize=quantize) as pipeline:
        pipeline.run(Files([str(path)], Fields(metadata=("stars",))))
    best = workshop.query(
        "SELECT c.content FROM chunks c WHERE c.stars < 6 ORDER BY c.embedding <=> "
        "(SELECT embedding FROM chunks WHERE content = 'Text 7.') LIMIT 10"
    )
    monkeypatch.setattr(search, "SEARCHED_EXACTLY", 5)
    monkeypatch.setattr(search, "_SCANNED_INSTEAD", 0)  # few are those that are wanted
    scans = "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'chunks_embedding'"

    url = f"{workshop.database_url} options='-c enable_seqscan=off -c enable_bitmapscan=off -c enable_sort=off'"
    found = {}
    for visited in (20_000, 1):
        monkeypatch.setattr(search, "_VISITED", visited)
        before = workshop.query(scans)
        with workshop.pipeline(hnsw_ef_search=20, database_url=url) as pipeline:
            passages = pipeline.search("Text 7.", 10, mode="vector", filters=["stars<6"])
        found[visited] = [each.content for each in passages]
        assert [each.score for each in passages] == sorted((each.score for each in passages), reverse=True)
        assert workshop.query(scans) > before

    assert len(set(found[20_000]) & {content for (content,) in best}) >= 9
    assert found[1] == [content for (content,) in best]


def test_few_that_pass_a_filter_are_found_by_the_commonest_words(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        f'{{"id": {number}, "text": "Common {"rare" if number < 40 else "plain"} {number}.", "stars": {number % 8}}}\n'
        for number in range(80)
    ]
    path = workshop.write("a.jsonl", "".join(lines))
    with workshop.pipeline(filters={"stars": "integer"}) as pipeline:
        pipeline.run(Files([str(path)], Fields(metadata=("stars",))))
    with psycopg.connect(workshop.database_url, autocommit=True) as connection:
        connection.execute("ANALYZE corpus.chunk_terms")
    monkeypatch.setitem(BM25, "postings", sql.Literal(10))

    with workshop.pipeline() as pipeline:
        every = pipeline.search("common rare", 20, mode="words")
        some = pipeline.search("common rare", 20, mode="words", filters=["stars=0"])

    assert all("rare" in each.content for each in every)
    assert {each.content.split()[-1] for each in some} == {f"{number}." for number in range(0, 80, 8)}
