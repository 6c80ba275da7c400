"""One request to `/rerank`: its body checked, its answer made, as by Cohere, Jina and vLLM, or as by Voyage. Pure.

What a text is worth is the share of the question's words that it has: enough to see an order that is not the vectors'.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ingest.emulator.errors import ApiError
from ingest.errors import UNREADABLE_JSON

_MOST_DOCUMENTS = 1_000  # of Cohere and of Voyage, by their references
_OF_VOYAGE = re.compile(r"rerank-(?:lite-)?\d")  # its models; Cohere's are rerank-v3.5 and the like
_WORD = re.compile(r"\w+")


class RerankRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a request."""

    query: str
    documents: list[str]
    model: str = ""


def rerank_answer(body: bytes, *, is_short: bool = False) -> dict[str, Any]:
    """The documents of a request by their worth, the best first. `is_short`: without the last of them.

    Raises:
        ApiError: the body is none of such a request, or has too many documents.
    """
    try:
        wanted = msgspec.json.decode(body, type=RerankRequest)
    except UNREADABLE_JSON as error:
        raise ApiError(422, f"invalid request: {error}") from None
    if not wanted.query or not 0 < len(wanted.documents) <= _MOST_DOCUMENTS:
        raise ApiError(400, f"invalid request: a query, and 1 to {_MOST_DOCUMENTS} documents, are needed")
    words = set(_WORD.findall(wanted.query.lower()))
    worth = [len(words.intersection(_WORD.findall(text.lower()))) / max(len(words), 1) for text in wanted.documents]
    ranks = [
        {"index": place, "relevance_score": worth[place]}
        for place in sorted(range(len(worth)), key=worth.__getitem__, reverse=True)
    ]
    ranks = ranks[: len(ranks) - is_short]
    if _OF_VOYAGE.match(wanted.model):
        return {"object": "list", "data": ranks, "model": wanted.model, "usage": {"total_tokens": 1}}
    return {"id": "rerank-0", "results": ranks, "model": wanted.model}
