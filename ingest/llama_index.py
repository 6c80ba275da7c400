"""A retriever of LlamaIndex's on a corpus. Needs the extra `llama-index`, and is imported by whoever uses it alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import NodeWithScore, TextNode

from ingest.searcher import AsyncSearcher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llama_index.core.schema import QueryBundle

    from ingest.corpus import Context, Passage
    from ingest.provider import Side
    from ingest.searcher import Searcher


class CorpusRetriever(BaseRetriever):  # type: ignore[misc]  # where LlamaIndex is not installed it is of any type
    """The passages of a corpus as LlamaIndex's nodes, found as `Searcher.search` finds them.

    A node's id is the passage's; its metadata are those of the corpus's document with `uri`, `title`, `headings`,
    `ordinal`, `chunk_id`, `chunk_ids` and `score`, of which a model that is shown the node sees the title and the
    headings.
    """

    def __init__(
        self,
        searcher: Searcher | AsyncSearcher,
        *,
        k: int = 5,
        filters: Sequence[str] = (),
        context: Context = 0,
        per_document: int | None = None,
        **options: Any,
    ) -> None:
        """`searcher`: whoever made it opens and closes it. `filters`, `context`, `per_document`: as its `search`."""
        super().__init__(**options)
        self._searcher, self._k = searcher, k
        self._asked: dict[str, Any] = {"filters": list(filters), "context": context, "per_document": per_document}

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        searcher = self._searcher.searcher if isinstance(self._searcher, AsyncSearcher) else self._searcher
        return [_node(each) for each in searcher.search(query_bundle.query_str, self._k, **self._asked)]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        text = query_bundle.query_str
        if isinstance(self._searcher, AsyncSearcher):
            found = await self._searcher.search(text, self._k, **self._asked)
        else:
            found = await asyncio.to_thread(self._searcher.search, text, self._k, **self._asked)
        return [_node(each) for each in found]


class CorpusEmbedding(BaseEmbedding):  # type: ignore[misc]  # likewise
    """The corpus's own model as LlamaIndex's embedding, for a store that reads its table: of the side that is meant.

    Where the model tells documents from questions, as Gemini's do, a question is embedded as one. `searcher`: whoever
    made it opens and closes it.
    """

    _searcher: Searcher = PrivateAttr()

    def __init__(self, searcher: Searcher, **options: Any) -> None:
        super().__init__(**options)
        self._searcher = searcher

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._one(query, "query")

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._one(text, "document")

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await asyncio.to_thread(self._one, query, "query")

    def _one(self, text: str, side: Side) -> list[float]:
        vector: list[float] = self._searcher.embed([text], side)[0].tolist()
        return vector


def _node(passage: Passage) -> NodeWithScore:
    described = passage.described()
    hidden = [name for name in described if name not in ("title", "headings")]
    node = TextNode(
        id_=str(passage.id),
        text=passage.content,
        metadata=described,
        excluded_llm_metadata_keys=hidden,
        excluded_embed_metadata_keys=hidden,
    )
    return NodeWithScore(node=node, score=passage.score)
