"""Search for applications: from any number of threads, or of tasks of an event loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache, partial
from threading import RLock
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
import psycopg
from psycopg import errors
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from ingest.corpus import (
    Wanted,
    asked_filters,
    find_in_version,
    gather,
    prepare_searches,
    read_around,
    read_excerpt,
    read_filters,
    read_keywords,
)
from ingest.database.connection import Connection, connect, explained
from ingest.database.searched_index import SearchedIndex, find_searched_index
from ingest.errors import UnreachableError, UsageError
from ingest.runs import Resources, embed_question, how_to_search, ranking, require_short, require_text, searchable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from ingest.corpus import Context, Excerpt, Found, Keywords, Passage, Piece, Search, SearchMode
    from ingest.database.corpus import Indexing
    from ingest.model import FilterType
    from ingest.provider import Side
    from ingest.settings import Settings

Result = TypeVar("Result")

_CLOSED = "this Searcher was closed: open() it again, or make another."
_CACHED_QUESTIONS = 1_000
_TRIES = 3
# A swap for one of other dimensions in the middle of a search; a connection that was lost since the one before.
_PASSING = (errors.DataException, errors.UndefinedTable, errors.InvalidSchemaName, psycopg.OperationalError)


class Searcher:
    """The passages of a corpus, for an application. Use as a context manager, or `open` and `close` it.

    It may be used from any number of threads. A corpus that a reembed swaps meanwhile is searched by its new model.
    """

    def __init__(self, settings: Settings, *, connections: int = 8, timeout_seconds: float = 10.0) -> None:
        """Nothing is opened yet. `connections`: as many searches run at once; `timeout_seconds`: for each.

        Raises:
            UsageError: the corpus's name is no identifier.
        """
        self._settings = settings
        self._resources = Resources(settings)
        self._connections, self._timeout_s = connections, timeout_seconds
        self._pool: ConnectionPool[_Pooled] | None = None
        self._is_closed = False
        self._held: tuple[UUID, Indexing, SearchedIndex, Keywords] | None = None
        self._indexes: int | None = None
        self._looking = RLock()
        self._vector = lru_cache(_CACHED_QUESTIONS)(self._embedded)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def open(self) -> None:
        """Open what a search needs, which the first search does as well; it may be called again, after `close` too.

        Raises:
            UsageError: there is no such corpus, or it fills a column of your own table.
            UnreachableError: the database is out of reach.
        """
        with self._looking:
            self._is_closed = False
            if self._pool is not None:
                return
            try:
                self._look()
                self._resources.provider, self._resources.reranker  # noqa: B018 - by one thread
            except BaseException:
                self._release()
                raise
            pool = ConnectionPool(
                self._resources.database_url,
                connection_class=_Pooled,
                kwargs={"corpus": self._resources.corpus},
                min_size=1,
                max_size=self._connections,
                timeout=self._timeout_s,
                configure=self._configure,
                name="pgvector-ingest-search",
                open=False,
            )
            pool.open()
            self._pool = pool

    def close(self) -> None:
        """Close the connections, and what was started."""
        with self._looking:
            self._is_closed = True
            if self._pool is not None:
                self._pool.close()
                self._pool = None
            self._release()

    def _release(self) -> None:
        self._resources.__exit__()
        self._resources, self._held = Resources(self._settings), None

    def search(
        self,
        text: str,
        limit: int = 5,
        *,
        mode: SearchMode | None = None,
        filters: Sequence[str] = (),
        context: Context = 0,
        per_document: int | None = None,
    ) -> list[Passage]:
        """The passages nearest to a text, as `Pipeline.search`. The vectors of texts are kept.

        Raises:
            UsageError: there is no text, no such corpus any more, or no terms where `mode` wants them; it is closed;
                or one of the others cannot be.
            UnreachableError: the database or the provider is out of reach, or takes too long.
        """
        self._opened()
        require_text(text)
        wanted = Wanted(limit, context, per_document)
        overlap = (self._held or self._look())[1].overlap
        return gather(
            lambda count: self._search(text, count, mode, filters),
            self._read_around,
            wanted,
            overlap,
            ranking(self._resources, text),
        )

    def _search(self, text: str, limit: int, mode: SearchMode | None, filters: Sequence[str]) -> list[Passage]:
        """So many passages of the corpus as it is now, the best first."""
        for is_last in [*[False] * (_TRIES - 1), True]:
            version, indexing, index, keywords = self._held or self._look()
            how = how_to_search(self._resources, keywords, limit, mode)
            how = replace(how, index=index, dimensions=indexing.dimensions)
            vector = None if how.mode == "words" else self._vector(text, indexing)
            with explained(self._resources.database_url, self._resources.corpus):
                try:
                    found = self._find(vector, indexing, text, how, filters)
                except PoolClosed as error:
                    raise UsageError(_CLOSED) from error
                except (PoolTimeout, errors.QueryCanceled) as error:
                    raise UnreachableError(self._too_long(error)) from error
                except _PASSING as error:
                    if is_last:
                        raise
                    if isinstance(error, psycopg.OperationalError):
                        self._opened().check()  # whoever lost one has lost the others, too
                else:
                    if found.version == version and found.languages == keywords.filled_languages:
                        if found.indexes != self._indexes:  # one was built or dropped: the next goes by what is there
                            self._held, self._indexes = None, found.indexes
                        return found.passages
            self._look()
        raise UnreachableError(
            f"the corpus {self._resources.corpus} was swapped {_TRIES} times under one search: search again."
        )

    def _find(
        self, vector: np.ndarray | None, indexing: Indexing, text: str, how: Search, filters: Sequence[str]
    ) -> Found:
        with self._opened().connection() as connection:
            how = replace(how, filters=asked_filters(connection, filters))
            return find_in_version(connection, vector, indexing, text, how)

    def _read_around(self, ids: Sequence[int], before: int, after: int) -> dict[int, list[Piece]]:
        return self._ask(lambda connection: read_around(connection, ids, before, after))

    def embed(self, texts: Sequence[str], side: Side) -> np.ndarray:
        """The vectors of texts, as the corpus has them of its passages, or as questions are asked. (len(texts), d).

        At the synchronous price, and never kept. No more texts at once than a call of the provider takes.

        Raises:
            UsageError: a text is longer than the model takes.
            UnreachableError: the provider is out of reach.
        """
        self._opened()
        indexing = (self._held or self._look())[1]
        for text in texts:
            require_short(text, indexing.model)
        at_once = self._resources.wire.call_texts
        parts = [texts[start : start + at_once] for start in range(0, len(texts), at_once)]
        vectors = [self._resources.embed_texts(part, indexing, side) for part in parts]
        return np.concatenate(vectors) if vectors else np.empty((0, indexing.dimensions), dtype=np.float32)

    def read(self, passage_id: int, before: int = 1, after: int = 1) -> Excerpt:
        """A passage with so many before and after it in its document, as one text.

        Raises:
            UsageError: there is no such passage any more.
            UnreachableError: as `search`.
        """
        self._opened()
        overlap = (self._held or self._look())[1].overlap
        found = self._ask(lambda connection: read_excerpt(connection, passage_id, before, after, overlap))
        if found is None:
            raise UsageError(f"the corpus {self._resources.corpus} has no passage {passage_id}: search again.")
        return found

    def filters(self) -> dict[str, FilterType]:
        """Which fields passages can be filtered by, and of what types."""
        return self._ask(read_filters)

    def _ask(self, question: Callable[[Connection], Result]) -> Result:
        """What the database answers; once more where a connection was lost since the one before."""
        pool = self._opened()
        with explained(self._resources.database_url, self._resources.corpus):
            try:
                try:
                    with pool.connection() as connection:
                        return question(connection)
                except psycopg.OperationalError as error:
                    if isinstance(error, (PoolClosed, PoolTimeout, errors.QueryCanceled)):
                        raise
                    pool.check()
                    with pool.connection() as connection:
                        return question(connection)
            except PoolClosed as error:
                raise UsageError(_CLOSED) from error
            except (PoolTimeout, errors.QueryCanceled) as error:
                raise UnreachableError(self._too_long(error)) from error

    def _opened(self) -> ConnectionPool[_Pooled]:
        """The connections: opened by who is the first to ask, but not again once they were closed."""
        if (pool := self._pool) is not None:
            return pool
        if self._is_closed:
            raise UsageError(_CLOSED)
        self.open()
        return self._opened()

    def _look(self) -> tuple[UUID, Indexing, SearchedIndex, Keywords]:
        """See which version of the corpus there is now, of which model, and by which index and terms it is searched."""
        with self._looking, self._resources.explained():
            if self._is_closed:
                raise UsageError(_CLOSED)
            indexing = searchable(self._resources)
            version = self._resources.connection.version
            assert version is not None  # noqa: S101 - it was opened
            index = find_searched_index(self._resources.connection, indexing, self._settings.distance)
            self._held = version, indexing, index or SearchedIndex(), read_keywords(self._resources.connection)
            return self._held

    def _embedded(self, text: str, indexing: Indexing) -> np.ndarray:
        return embed_question(self._resources, text, indexing)

    def _configure(self, connection: Connection) -> None:
        prepare_searches(connection)
        connection.execute(
            "SELECT set_config('default_transaction_read_only', 'on', false), "
            "set_config('statement_timeout', %s, false)",
            (f"{self._timeout_s * 1000:.0f}",),
        )

    def _too_long(self, error: Exception) -> str:
        if isinstance(error, PoolTimeout):
            return (
                f"no connection was free for a search in {self._timeout_s:g} s: all {self._connections} were at work, "
                "or the database took none. Give the Searcher more connections, or search again."
            )
        return f"a search took more than {self._timeout_s:g} s: is there an index (`ingest index`)?"


class AsyncSearcher:
    """A `Searcher` for an event loop, which goes on meanwhile. Use as an async context manager.

    Each search runs on one of as many threads as there are connections.
    """

    def __init__(self, settings: Settings, *, connections: int = 8, timeout_seconds: float = 10.0) -> None:
        """As `Searcher`."""
        self.searcher = Searcher(settings, connections=connections, timeout_seconds=timeout_seconds)
        """The same for threads, on the same connections."""
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="pgvector-ingest-search")

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def open(self) -> None:
        """As `Searcher.open`."""
        await self._on_a_thread(self.searcher.open)

    async def close(self) -> None:
        """Close the connections, and what was started, once the searches under way have ended."""
        await self._on_a_thread(self.searcher.close)
        self._threads.shutdown(wait=False)

    async def search(
        self,
        text: str,
        limit: int = 5,
        *,
        mode: SearchMode | None = None,
        filters: Sequence[str] = (),
        context: Context = 0,
        per_document: int | None = None,
    ) -> list[Passage]:
        """As `Searcher.search`."""
        search = partial(self.searcher.search, text, limit, mode=mode, filters=filters)
        return await self._on_a_thread(partial(search, context=context, per_document=per_document))

    async def embed(self, texts: Sequence[str], side: Side) -> np.ndarray:
        """As `Searcher.embed`."""
        return await self._on_a_thread(partial(self.searcher.embed, texts, side))

    async def read(self, passage_id: int, before: int = 1, after: int = 1) -> Excerpt:
        """As `Searcher.read`."""
        return await self._on_a_thread(partial(self.searcher.read, passage_id, before, after))

    async def filters(self) -> dict[str, FilterType]:
        """As `Searcher.filters`."""
        return await self._on_a_thread(self.searcher.filters)

    async def _on_a_thread(self, call: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)


class _Pooled(Connection):
    """A connection as the rest of the program opens it, for a pool."""

    @classmethod
    def connect(cls, conninfo: str = "", *, corpus: str, **_: Any) -> Connection:  # type: ignore[override]
        return connect(conninfo, corpus)
