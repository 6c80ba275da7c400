"""What becomes of the requests that a batch's files do not answer, and what helps those that failed. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.batches.records import ABANDONED, INTERRUPTED, UNKNOWN, words
from ingest.commands import command
from ingest.provider import TERMINAL_STATUSES, TOO_FEW
from ingest.provider.jsonl import ACCOUNT_CODES, RequestFailure, refused_account

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ingest.batches.records import Batch
    from ingest.provider import BatchFault

NO_ANSWER = RequestFailure("no_answer", "the provider's files hold no line for this request", retryable=True)

OVER_LIMIT = "over_limit"
FILE_GONE, BATCH_UNKNOWN = "result_file_gone", "batch_unknown"
TOO_LARGE = "over_enqueued_limit"  # one text, by itself, for the tokens that the provider takes at once
# Rows of the user's own that do not take their vector, and that others hold.
ROW_REFUSED, ROW_LOCKED = "row_refused", "row_locked"

# How a batch ends before it came to a request, where it has no line for that.
_ENDS = {
    "expired": "the batch expired before it came to this text",
    "cancelled": "the batch was cancelled at the provider before it came to this text",
}
# How requests end whose batch we ended ourselves.
_OWN_ENDS = {
    UNKNOWN: RequestFailure(BATCH_UNKNOWN, "", retryable=False, late=True),
    ABANDONED: RequestFailure("batch_abandoned", "", retryable=True, late=True),
    INTERRUPTED: RequestFailure("interrupted", "the run stopped before it was answered", retryable=True, counted=False),
}

# Faults that may name a line, but stand for every line of a corpus, which has one account, one model and one address
# (OpenAI's and Azure's names).
_OF_ALL_LINES = ACCOUNT_CODES | {"mismatched_model", "model_mismatch", "invalid_url", "url_mismatch", "invalid_method"}
# What a provider calls a text, or its length, where it refuses one.
_OF_A_TEXT = re.compile(r"\binput\b|context length|too long|too large|empty|content", re.IGNORECASE)
_NUMBER = re.compile(r"\d+")


def faulty_requests(faults: Sequence[BatchFault], chunk_ids: Sequence[int], batch: Batch) -> dict[int, RequestFailure]:
    """The requests that a failed validation names by line; `chunk_ids` are the batch's, in the order of its lines."""
    if len(chunk_ids) != batch.request_count:
        return {}  # some are answered already, by hand: the lines cannot be told
    return {
        chunk_ids[fault.line - 1]: RequestFailure(
            fault.code or "invalid_request", fault.message, retryable=False, refused="text"
        )
        for fault in faults
        if fault.line and 0 < fault.line <= len(chunk_ids) and fault.code not in _OF_ALL_LINES
    }


def why_unanswered(
    batch: Batch, faults: Sequence[BatchFault], gone: str | None, *, isolated: bool, unreadable: int = 0
) -> RequestFailure:
    """How the requests end that no line answers.

    `isolated`: whether the faulty ones among them were told apart; `unreadable`: lines of its files that are no
    result of the batch.

    Every time that attempts are not counted, some request leaves the line for good, a person asked to cancel, or the
    account is refused, which ends the run: so nothing goes round for ever.
    """
    if own_end := _OWN_ENDS.get(batch.provider_status or ""):
        return replace(own_end, message=batch.message or own_end.message)
    if (
        not gone
        and batch.provider_status in TERMINAL_STATUSES
        and batch.provider_completed
        and not batch.output_file_id
    ):
        gone = f"the provider counts {batch.provider_completed:,} texts of the batch as done, and names no file of them"
    if gone:
        # They were embedded and billed: they are sent, and paid, again only when a person says so.
        return RequestFailure(FILE_GONE, gone, retryable=False, late=True)
    if batch.provider_status == "failed":
        reason = words(faults) or "the provider failed the batch without a reason"
        if not isolated and (found := [fault for fault in faults if fault.code in _OF_ALL_LINES]):
            return refused_account(found[0].code or "", found[0].message)
        if any(fault.code == TOO_FEW for fault in faults):
            return RequestFailure(TOO_FEW, reason, retryable=False)
        failure = RequestFailure("batch_failed", reason, retryable=True, counted=not isolated)
    elif batch.cancel_asked:
        failure = RequestFailure("batch_cancelled", "we cancelled the batch", retryable=True, counted=False)
    elif end := _ENDS.get(batch.provider_status or ""):
        failure = RequestFailure(f"batch_{batch.provider_status}", end, retryable=True)
    else:
        told = f"; lines there that are no results of its batch: {unreadable:,}" if unreadable else ""
        return replace(NO_ANSWER, message=NO_ANSWER.message + told, late=batch.mode == "batch")
    # What stands in a line that cannot be read was billed: its file is asked for again before anything is sent again.
    return replace(failure, late=bool(unreadable))


def refused_alike(failures: Mapping[int, RequestFailure], request_count: int) -> dict[int, RequestFailure]:
    """The failures of a batch of so many requests, those of texts being the account's where they are not the texts'.

    A rate limit that leaves nothing through is no attempt of any text. No text is at fault where every one of several
    is refused in the same words, but for numbers, and these are not of texts: the model, its dimensions or the form of
    the request is not taken.
    """
    kinds = {failure.refused for failure in failures.values()}
    if len(failures) >= request_count and "rate" in kinds and kinds <= {"rate", "account"}:
        return {chunk_id: replace(failure, counted=False) for chunk_id, failure in failures.items()}
    said = {(failure.refused, failure.code, _NUMBER.sub("0", failure.message)) for failure in failures.values()}
    if len(failures) < request_count or request_count < 2 or len(said) > 1:
        return dict(failures)
    refused, code, message = said.pop()
    if refused != "text" or _OF_A_TEXT.search(message):
        return dict(failures)
    return {chunk_id: refused_account(code, failure.message) for chunk_id, failure in failures.items()}


def remedy(codes: Collection[str], corpus: str, beside: str | None = None) -> tuple[str, str]:
    """The command that helps where requests or rows of a corpus failed with these codes, and what for.

    `beside`: its next version, where they are of that and a reembed is to go on.
    """
    again = command("ingest retry && ingest run …", beside or corpus)
    if not {FILE_GONE, BATCH_UNKNOWN}.isdisjoint(codes):
        load, by_hand = command("ingest load", beside or corpus), command("ingest load FILE", beside or corpus)
        return load, (
            "to ask the provider for the result files again: that is free, and each run does it while they are kept; "
            f"or `{by_hand}` with a file that you have. What was answered is paid again by `{again}`, which sends all "
            "that failed"
        )
    if TOO_FEW in codes:
        return (
            command("ingest retry && ingest run … --mode sync", beside or corpus),
            "to have them embedded at once: the account may send no batch of so few",
        )
    if TOO_LARGE in codes:
        return (
            again,
            "once the account takes as many tokens at once; or cut passages smaller, by --chunk-tokens: those are paid",
        )
    if set(codes) - {ROW_REFUSED, ROW_LOCKED, OVER_LIMIT}:
        return again, "to send the failed ones again"
    if OVER_LIMIT in codes:
        then = "; then reembed again" if beside else ""
        return (
            command("ingest run … --over-limit average", corpus),
            f"to embed rows over the limit in parts; or cut: their beginning{then}",
        )
    return (
        command("ingest run …", beside or corpus),
        "when what keeps those rows as they are is fixed: it tries again, and pays nothing",
    )
