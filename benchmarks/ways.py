"""Ways from a folder of files to vectors in PostgreSQL: ours, LangChain's and LlamaIndex's.

Each gets ready (imports, and its tokenizer), then returns the work that is timed. Chunks of 512 tokens, vectors of the
model `hash`: ours come through files and batches from the local provider, a process of its own on the same machine; the
others make theirs in place, without a call. Where a peer has a faster setting than its default, it is set.
"""

from __future__ import annotations

import warnings
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.peers import langchain_splitter, llama_index_splitter
from benchmarks.processes import peak_megabytes
from ingest.emulator import hash_vectors
from ingest.provider import MODELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    # A folder, a database's URL, a folder for what the way keeps; the work returns the vectors there are, and the
    # seconds of it that are no part of the comparison.
    Way = Callable[[Path, str, Path], Callable[[], tuple[int, float]]]

LIMIT = 512
_AT_ONCE = 1000


class Trip(NamedTuple):
    """One run of a way: seconds, the most memory in MB, the vectors that are there after it."""

    seconds: float
    peak_mb: float
    vectors: int


def measured(name: str, folder: Path, url: str, state: Path) -> Trip:
    """One run of a way, in this process."""
    work = WAYS[name](folder, url, state)
    began = perf_counter()
    vectors, apart = work()
    return Trip(perf_counter() - began - apart, peak_megabytes(), vectors)


def ours(folder: Path, url: str, state: Path) -> Callable[[], tuple[int, float]]:
    """`ingest run`. The others build no index: ours is one that is built fast, and its time is not counted."""
    import ingest.provider.openai  # noqa: F401
    from ingest.chunker import tokenizer
    from ingest.pipeline import Pipeline
    from ingest.settings import Settings

    tokenizer(MODELS["hash"].tokenizer)

    settings = Settings(
        database_url=url,
        data_dir=state,
        provider="local",
        model="hash",
        chunk_tokens=LIMIT,
        index_method="ivfflat",
        ivfflat_lists=1,
    )

    def work() -> tuple[int, float]:
        with Pipeline(settings) as pipeline:
            report = pipeline.run([str(folder)])
        return report.embedded, report.seconds["index"]

    return work


def langchain(folder: Path, url: str, state: Path) -> Callable[[], tuple[int, float]]:
    """`index()` into a PGVectorStore, its records in the same database."""
    from langchain_classic.indexes import SQLRecordManager
    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings
    from langchain_core.indexing import index
    from langchain_postgres import PGEngine, PGVectorStore
    from sqlalchemy.exc import ProgrammingError

    warnings.filterwarnings("ignore", "Using SHA-1")  # the store's ids are UUIDs, which need it

    class Hash(Embeddings):  # type: ignore[misc]
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return _vectors(texts)

        def embed_query(self, text: str) -> list[float]:
            return _vectors([text])[0]

    splitter = langchain_splitter(LIMIT)

    def documents() -> Iterator[Any]:
        for path in _files(folder):
            yield from splitter.split_documents([Document(path.read_text(), metadata={"source": str(path)})])

    def work() -> tuple[int, float]:
        engine = PGEngine.from_connection_string(_driver(url, "asyncpg"))
        with suppress(ProgrammingError):  # it is there, in a second run
            engine.init_vectorstore_table("passages", MODELS["hash"].dimensions)
        store = PGVectorStore.create_sync(engine, Hash(), "passages")
        records = SQLRecordManager("benchmark", db_url=_driver(url, "psycopg"))
        records.create_schema()
        index(
            documents(),
            records,
            store,
            cleanup="incremental",
            source_id_key="source",
            batch_size=_AT_ONCE,
        )
        return _count(url, "passages"), 0.0

    return work


def llama_index(folder: Path, url: str, state: Path) -> Callable[[], tuple[int, float]]:
    """An IngestionPipeline into a PGVectorStore, its docstore a file beside; the cache, which only costs, is off."""
    from llama_index.core import Document
    from llama_index.core.embeddings import BaseEmbedding
    from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
    from llama_index.core.storage.docstore import SimpleDocumentStore
    from llama_index.vector_stores.postgres import PGVectorStore

    class Hash(BaseEmbedding):  # type: ignore[misc]
        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            return _vectors(texts)

        def _get_text_embedding(self, text: str) -> list[float]:
            return _vectors([text])[0]

        def _get_query_embedding(self, query: str) -> list[float]:
            return _vectors([query])[0]

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return _vectors([query])[0]

    splitter = llama_index_splitter(LIMIT)

    def work() -> tuple[int, float]:
        store = PGVectorStore(
            connection_string=_driver(url, "psycopg2"),
            async_connection_string=_driver(url, "asyncpg"),
            table_name="passages",
            embed_dim=MODELS["hash"].dimensions,
        )
        kept = state / "docstore.json"
        docstore = SimpleDocumentStore.from_persist_path(str(kept)) if kept.exists() else SimpleDocumentStore()
        IngestionPipeline(
            transformations=[splitter, Hash(embed_batch_size=_AT_ONCE)],
            docstore=docstore,
            docstore_strategy=DocstoreStrategy.UPSERTS,
            vector_store=store,
            disable_cache=True,
        ).run(documents=[Document(text=path.read_text(), id_=str(path)) for path in _files(folder)])
        docstore.persist(str(kept))
        return _count(url, "data_passages"), 0.0

    return work


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


def _vectors(texts: Sequence[str]) -> list[list[float]]:
    vectors: list[list[float]] = hash_vectors(texts).tolist()
    return vectors


def _driver(url: str, driver: str) -> str:
    return url.replace("postgresql://", f"postgresql+{driver}://", 1)


def _count(url: str, table: str) -> int:
    import psycopg

    with psycopg.connect(url) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    return row[0] if row else 0


WAYS: dict[str, Way] = {"ours": ours, "LangChain": langchain, "LlamaIndex": llama_index}
