"""What docs/ecosystem.md says, done: the retrievers of others answer from the corpus as it stands."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openai
import psycopg
import pytest
from psycopg import conninfo

from ingest import AsyncSearcher, Searcher, UsageError
from ingest.settings import load_settings
from ingest.sources.files import Files
from ingest.sources.records import Fields

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from workshop import Workshop

# Packages of others warn of their own plans.
pytestmark = pytest.mark.filterwarnings("default")

MISSING = "pip install 'pgvector-ingest[ecosystem]' brings it"
DOCUMENT = Path(__file__).parents[2] / "docs" / "ecosystem.md"
QUESTION = "# Title 2\n\nAll that is to be said about subject number 2."
VECTOR_TYPES = pytest.mark.parametrize("vector_type", ["vector", "halfvec"])


def fill(workshop: Workshop, vector_type: str) -> None:
    """A corpus of a few passages, one of which still waits for its vector; and the views of the document."""
    for number in range(5):
        workshop.write(f"{number}.md", QUESTION.replace("2", str(number)))
    with workshop.pipeline(vector_type=vector_type) as pipeline:
        pipeline.run([str(workshop.folder)])
        workshop.write("late.md", "Its vector comes later.")
        pipeline.sync([str(workshop.folder)])
    with psycopg.connect(workshop.database_url) as connection:
        for view in re.findall(r"^```sql\n(CREATE .*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE):
            connection.execute(view)


def url(workshop: Workshop) -> Any:
    """The test's database, as SQLAlchemy writes it."""
    from sqlalchemy import URL

    parts = {name: str(value) for name, value in conninfo.conninfo_to_dict(workshop.database_url).items()}
    return URL.create(
        "postgresql+psycopg",
        username=parts.get("user"),
        password=parts.get("password"),
        database=parts["dbname"],
        query={name: parts[name] for name in ("host", "port") if name in parts},
    )


def embed(workshop: Workshop, text: str) -> list[float]:
    client = openai.OpenAI(api_key=workshop.emulator.api_key, base_url=workshop.emulator.base_url)
    answer = client.embeddings.create(input=text, model="text-embedding-3-small", dimensions=64)
    client.close()
    return answer.data[0].embedding


@VECTOR_TYPES
@pytest.mark.parametrize(
    ("table", "schema", "metadata"),
    [
        ("chunks", "corpus", ["document_id", "headings", "ordinal"]),
        ("passages", "corpus", ["uri", "title", "headings"]),
    ],
)
def test_a_retriever_of_langchain_answers(
    workshop: Workshop, vector_type: str, table: str, schema: str, metadata: list[str]
) -> None:
    postgres = pytest.importorskip("langchain_postgres", reason=MISSING)
    from langchain_core.embeddings import Embeddings

    class Embedded(Embeddings):  # type: ignore[misc]
        def embed_query(self, text: str) -> list[float]:
            return embed(workshop, text)

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            raise NotImplementedError(texts)

    fill(workshop, vector_type)
    engine = postgres.PGEngine.from_connection_string(url(workshop))
    store = postgres.PGVectorStore.create_sync(
        engine, Embedded(), table, schema_name=schema, id_column="id", metadata_columns=metadata
    )

    found = store.as_retriever(search_kwargs={"k": 3}).invoke(QUESTION)
    engine._run_as_sync(engine.close())

    assert len(found) == 3
    assert found[0].page_content == QUESTION
    assert found[0].metadata.keys() == set(metadata)


@VECTOR_TYPES
def test_a_retriever_of_llamaindex_answers(workshop: Workshop, vector_type: str) -> None:
    postgres = pytest.importorskip("llama_index.vector_stores.postgres", reason=MISSING)
    from llama_index.core import VectorStoreIndex
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.vector_stores import MetadataFilter, MetadataFilters

    class Embedded(BaseEmbedding):  # type: ignore[misc]
        def _get_query_embedding(self, query: str) -> list[float]:
            return embed(workshop, query)

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return embed(workshop, query)

        def _get_text_embedding(self, text: str) -> list[float]:
            raise NotImplementedError(text)

    fill(workshop, vector_type)
    store = postgres.PGVectorStore.from_params(
        connection_string=url(workshop),
        async_connection_string=url(workshop),
        table_name="corpus",
        schema_name="public",
        embed_dim=64,
        perform_setup=False,
        use_halfvec=vector_type == "halfvec",
    )
    index = VectorStoreIndex.from_vector_store(store, Embedded())
    title = MetadataFilters(filters=[MetadataFilter(key="title", value="Title 4")])

    found = index.as_retriever(similarity_top_k=3).retrieve(QUESTION)
    filtered = index.as_retriever(similarity_top_k=3, filters=title).retrieve(QUESTION)
    store._engine.dispose()

    assert len(found) == 3
    assert found[0].text == QUESTION
    assert found[0].score == pytest.approx(1, abs=1e-3)
    assert found[0].node.metadata == {
        "uri": (workshop.folder / "2.md").as_uri(),
        "title": "Title 2",
        "headings": [],
    }
    assert [node.metadata["title"] for node in filtered] == ["Title 4"]


LINES = "".join(
    f'{{"id": "{subject}", "text": "All that is to be said about {subject}.", "tenant": "{tenant}"}}\n'
    for subject, tenant in (("ants", "acme"), ("bees", "acme"), ("cats", "bolt"))
)
BEES = "All that is to be said about bees."


@pytest.fixture
def searcher(workshop: Workshop) -> Iterator[Searcher]:
    """On a corpus of three passages, of two tenants."""
    path = workshop.write("a.jsonl", LINES)
    with workshop.pipeline(filters={"tenant": "text"}) as pipeline:
        pipeline.run(Files([str(path)], Fields(metadata=("tenant",))))
    with Searcher(load_settings(workshop.flags)) as searcher:
        yield searcher


def both(searcher: Searcher, workshop: Workshop, ask: Callable[[Any], Awaitable[Any]]) -> list[Any]:
    """What is answered on an event loop, by a Searcher and by an AsyncSearcher."""

    async def asked() -> list[Any]:
        async with AsyncSearcher(load_settings(workshop.flags)) as other:
            return [await ask(searcher), await ask(other)]

    return asyncio.run(asked())


def test_our_retriever_for_langchain_answers(searcher: Searcher, workshop: Workshop) -> None:
    pytest.importorskip("langchain_core", reason=MISSING)
    from ingest.langchain import CorpusRetriever

    retriever = CorpusRetriever(searcher=searcher, k=2)
    found = retriever.invoke(BEES)
    (cat,) = retriever.invoke(BEES, filters=["tenant=bolt"])
    again = both(searcher, workshop, lambda each: CorpusRetriever(searcher=each, k=2).ainvoke(BEES))
    (filtered, _) = both(
        searcher, workshop, lambda each: CorpusRetriever(searcher=each, filters=["tenant=bolt"]).ainvoke(BEES)
    )

    with pytest.raises(UsageError, match="0 to 50, or section"):
        CorpusRetriever(searcher=searcher, context=51).invoke(BEES)
    with pytest.raises(UsageError, match="one passage or more"):
        CorpusRetriever(searcher=searcher, per_document=0).invoke(BEES)

    assert found[0].page_content == BEES
    assert len(found) == 2
    assert again == [found, found]
    assert filtered == [cat]
    assert cat.id == str(cat.metadata["chunk_id"])
    assert {name: cat.metadata[name] for name in ("uri", "title", "headings", "ordinal", "tenant")} == {
        "uri": (workshop.folder / "a.jsonl").as_uri() + "#cats",
        "title": "cats",
        "headings": [],
        "ordinal": 0,
        "tenant": "bolt",
    }
    assert 0 < cat.metadata["score"] <= 1


def test_our_embeddings_for_langchain_are_the_corpus_s_own(searcher: Searcher, workshop: Workshop) -> None:
    pytest.importorskip("langchain_core", reason=MISSING)
    from ingest.langchain import CorpusEmbeddings

    embeddings = CorpusEmbeddings(searcher)
    many = embeddings.embed_documents([f"text {number}" for number in range(2_049)])

    assert embeddings.embed_documents([BEES])[0] == stored(workshop)
    assert embeddings.embed_query(BEES) == stored(workshop)
    assert (len(many), embeddings.embed_documents([])) == (2_049, [])


def test_our_embedding_for_llamaindex_is_the_corpus_s_own(searcher: Searcher, workshop: Workshop) -> None:
    pytest.importorskip("llama_index.core", reason=MISSING)
    from ingest.llama_index import CorpusEmbedding

    embedding = CorpusEmbedding(searcher)

    assert embedding.get_text_embedding(BEES) == stored(workshop)
    assert embedding.get_query_embedding(BEES) == stored(workshop)
    assert asyncio.run(embedding.aget_query_embedding(BEES)) == stored(workshop)


def stored(workshop: Workshop) -> Any:
    """The vector that the corpus has of a passage."""
    ((vector,),) = workshop.query("SELECT embedding::real[] FROM chunks WHERE content = %s", BEES)
    return pytest.approx(vector)


def test_our_retriever_for_llamaindex_answers(searcher: Searcher, workshop: Workshop) -> None:
    pytest.importorskip("llama_index.core", reason=MISSING)
    from llama_index.core.schema import MetadataMode

    from ingest.llama_index import CorpusRetriever

    found = CorpusRetriever(searcher, k=2).retrieve(BEES)
    again = both(searcher, workshop, lambda each: CorpusRetriever(each, k=2).aretrieve(BEES))
    (cat,) = CorpusRetriever(searcher, filters=["tenant=bolt"]).retrieve(BEES)

    with pytest.raises(UsageError, match="0 to 50, or section"):
        CorpusRetriever(searcher, context=51).retrieve(BEES)
    with pytest.raises(UsageError, match="one passage or more"):
        CorpusRetriever(searcher, per_document=0).retrieve(BEES)

    assert found[0].text == BEES
    assert len(found) == 2
    assert [[(node.node_id, node.score) for node in each] for each in again] == [
        [(node.node_id, node.score) for node in found]
    ] * 2
    assert cat.node.metadata["uri"].endswith("#cats")
    assert cat.node.metadata["tenant"] == "bolt"
    assert cat.node_id == str(cat.node.metadata["chunk_id"])
    assert cat.score == cat.node.metadata["score"]
    assert "uri" not in cat.node.get_content(MetadataMode.LLM)
    assert "title: cats" in cat.node.get_content(MetadataMode.LLM)
