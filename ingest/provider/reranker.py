"""A reranker by its URL: how well each of some passages answers a question, by the `/rerank` of Cohere and others.

The call is the same for all: `model`, `query` and `documents`. The answer holds the index and the `relevance_score` of
each, as `results` (docs.cohere.com, "Rerank API v2"; jina.ai/reranker; docs.vllm.ai, "Re-rank API") or as `data`
(docs.voyageai.com, "Reranker API"). All rank all documents where nothing else is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import openai

from ingest.errors import UsageError
from ingest.provider.answers import RERANK, CheckedClient, Ranking, httpx
from ingest.provider.api_errors import explained
from ingest.provider.presets import Preset
from ingest.redaction import foreign, learn

if TYPE_CHECKING:
    from collections.abc import Sequence

_WHO = Preset("INGEST_RERANK_API_KEY", "rerank_url")
_TIMEOUT = openai.Timeout(30.0, connect=5.0)  # somebody waits for a search
_RETRIES = 2  # a ranking changes nothing: it can be asked for again


class Reranker:
    """The reranker at an address that ends in `/rerank`."""

    def __init__(self, url: str, model: str | None, key: str | None) -> None:
        """Nothing is asked yet. `model` None: the server's own.

        Raises:
            UsageError: the address cannot be used.
        """
        learn(key)
        self._url, self._model = url, model
        try:
            http_client = CheckedClient(headers={"accept-encoding": "gzip"})
            self._client = openai.OpenAI(
                api_key=key or "none",  # the SDK wants something, where the server does not
                base_url=url.removesuffix(RERANK),
                timeout=_TIMEOUT,
                max_retries=_RETRIES,
                http_client=http_client,
            )
        except (openai.OpenAIError, httpx.InvalidURL, ValueError, OSError, ImportError) as error:
            raise UsageError(f"the setting rerank_url cannot be used: {foreign(error).rstrip('.')}.") from None
        self._client.organization = self._client.project = None  # whose they are is nothing to others
        http_client.root = self._client.base_url.path

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """How well each of the texts answers the question; more is better, and of what scale is the model's affair.

        Raises:
            UsageError: the key or the request is refused.
            UnreachableError: it is out of reach, or its answer does not rank each of the texts once.
        """
        body: dict[str, Any] = {"query": question, "documents": list(texts)}
        if self._model is not None:
            body["model"] = self._model
        with explained(self._url, _WHO, who="the reranker"):
            answer = msgspec.json.decode(self._client.post(f"/{RERANK}", cast_to=str, body=body), type=Ranking)
            ranks = answer.results if answer.results is not None else answer.data or []
            scores = {rank.index: rank.relevance_score for rank in ranks}
            if len(ranks) != len(texts) or scores.keys() != set(range(len(texts))):
                raise ValueError(f"{len(texts)} passages were to be ranked, and it ranks {len(scores)}")
        return [scores[place] for place in range(len(texts))]
