"""What becomes of the requests that a batch's files do not answer. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.batches import ABANDONED, INTERRUPTED, UNKNOWN, words
from ingest.jsonl import RequestFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.batches import Batch
    from ingest.provider import BatchFault

NO_ANSWER = RequestFailure("no_answer", "the provider's files hold no line for this request", retryable=True)

# How requests end whose batch we ended ourselves.
_OWN_ENDS = {
    UNKNOWN: RequestFailure("batch_unknown", "", retryable=False),
    ABANDONED: RequestFailure("batch_abandoned", "", retryable=True),
    INTERRUPTED: RequestFailure("interrupted", "the run stopped before it was answered", retryable=True, counted=False),
}

# Faults that name a line, but stand for every line of a corpus, which has one model and one address (OpenAI's and
# Azure's names).
_OF_ALL_LINES = frozenset(
    {"model_not_found", "mismatched_model", "model_mismatch", "invalid_url", "url_mismatch", "invalid_method"}
)


def faulty_requests(faults: Sequence[BatchFault], chunk_ids: Sequence[int], batch: Batch) -> dict[int, RequestFailure]:
    """The requests that a failed validation names by line; `chunk_ids` are the batch's, in the order of its lines."""
    if len(chunk_ids) != batch.request_count:
        return {}  # some are answered already, by hand: the lines cannot be told
    return {
        chunk_ids[fault.line - 1]: RequestFailure(fault.code or "invalid_request", fault.message, retryable=False)
        for fault in faults
        if fault.line and 0 < fault.line <= len(chunk_ids) and fault.code not in _OF_ALL_LINES
    }


def why_unanswered(batch: Batch, faults: Sequence[BatchFault], gone: str | None, *, isolated: bool) -> RequestFailure:
    """How the requests end that no line answers; `isolated`: whether the faulty ones among them were told apart.

    Every time that attempts are not counted, some request leaves the line for good, or a person asked to cancel: so
    nothing goes round for ever.
    """
    if gone:
        # They were embedded and billed: they are sent, and paid, again only when a person says so.
        return RequestFailure("result_file_gone", gone, retryable=False)
    if own_end := _OWN_ENDS.get(batch.provider_status or ""):
        return replace(own_end, message=batch.message or own_end.message)
    if batch.provider_status == "failed":
        reason = words(faults) or "the provider failed the batch without a reason"
        return RequestFailure("batch_failed", reason, retryable=True, counted=not isolated)
    if batch.cancel_asked:
        return RequestFailure("batch_cancelled", "we cancelled the batch", retryable=True, counted=False)
    return NO_ANSWER
