"""A retriever of LangChain's on a corpus. Needs the extra `langchain`, and is imported by whoever uses it alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence  # noqa: TC003 - pydantic looks at it
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever

from ingest.searcher import AsyncSearcher, Searcher

if TYPE_CHECKING:
    from ingest.corpus import Passage


class CorpusRetriever(BaseRetriever):  # type: ignore[misc]  # where LangChain is not installed it is of any type
    """The passages of a corpus as LangChain's documents, found as `Searcher.search` finds them.

    `searcher`: whoever made it opens and closes it. `filters`: what all passages must have; those of a call, given to
    `invoke` and `ainvoke`, come on top; `context`, `per_document`: as there. A document's `id` is the passage's; its
    metadata are those of the corpus's document with `uri`, `title`, `headings`, `ordinal`, `chunk_id`, `chunk_ids` and
    `score`.
    """

    searcher: Searcher | AsyncSearcher
    k: int = 5
    filters: Sequence[str] = ()
    context: int | Literal["section"] = 0
    per_document: int | None = None

    def _get_relevant_documents(self, query: str, *, filters: Sequence[str] = (), **_: Any) -> list[Document]:
        searcher = self.searcher.searcher if isinstance(self.searcher, AsyncSearcher) else self.searcher
        return [_document(each) for each in searcher.search(query, self.k, **self._asked(filters))]

    async def _aget_relevant_documents(self, query: str, *, filters: Sequence[str] = (), **_: Any) -> list[Document]:
        asked = self._asked(filters)
        if isinstance(self.searcher, AsyncSearcher):
            found = await self.searcher.search(query, self.k, **asked)
        else:
            found = await asyncio.to_thread(self.searcher.search, query, self.k, **asked)
        return [_document(each) for each in found]

    def _asked(self, filters: Sequence[str]) -> dict[str, Any]:
        return {
            "filters": [*self.filters, *filters],
            "context": self.context,
            "per_document": self.per_document,
        }


class CorpusEmbeddings(Embeddings):  # type: ignore[misc]  # likewise
    """The corpus's own model as LangChain's embeddings, for a store that reads its table: of the side that is meant.

    Where the model tells documents from questions, as Gemini's do, a question is embedded as one. `searcher`: whoever
    made it opens and closes it.
    """

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """The vectors of texts as the corpus has them of its passages."""
        vectors: list[list[float]] = self._searcher.embed(texts, "document").tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question."""
        vector: list[float] = self._searcher.embed([text], "query")[0].tolist()
        return vector


def _document(passage: Passage) -> Document:
    return Document(id=str(passage.id), page_content=passage.content, metadata=passage.described())
