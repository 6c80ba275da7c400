"""What the lines of all vendors' batch files have in common: how they are judged, and how faults spoil them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from ingest.emulator.errors import ApiError, no_credit

if TYPE_CHECKING:
    from collections.abc import Container

    from ingest.emulator.embeddings import EmbeddingsRequest
    from ingest.emulator.faults import Faults
    from ingest.emulator.vendor import Vendor


class BatchError(msgspec.Struct, frozen=True):
    """Why a batch does not validate; `line` is 1-based."""

    code: str
    message: str
    param: str | None = None
    line: int | None = None


class Judged(NamedTuple):
    """An input line that does not spoil its batch.

    `model` is None where the line names none; `request` is None where it will be refused when it runs.
    """

    custom_id: str
    model: str | None
    request: EmbeddingsRequest | None


_REFUSED_ON_PURPOSE = {
    "error_per_request_400": ApiError(400, "'$.input' is invalid (a fault, played on purpose).", param="input"),
    "error_per_request_429": ApiError(
        429, "Rate limit reached for requests.", kind="requests", code="rate_limit_exceeded"
    ),
    "error_per_request_500": ApiError(
        500, "The server had an error while processing your request.", kind="server_error"
    ),
    "error_per_request_no_credit": no_credit(),
    "error_per_request_dimensions": ApiError(400, "This model does not support specifying dimensions."),
    "status_0": None,
}


def delivered(
    vendor: Vendor,
    request: EmbeddingsRequest,
    custom_id: str,
    vectors: np.ndarray,
    token_count: int,
    faults: Faults,
    *,
    fault: str | None = None,
    foreign_custom_id: str = "",
) -> tuple[bytes, bytes]:
    """What a request that ran adds to the results and to the errors, under a fault."""
    if fault in _REFUSED_ON_PURPOSE:
        return b"", vendor.refused_line(custom_id, _REFUSED_ON_PURPOSE[fault], faults)
    vectors = _spoilt(vectors, fault)
    line = vendor.done_line(request, custom_id, vectors, token_count, fault)
    match fault:
        case "lost_lines":
            line = b""
        case "duplicated_lines":
            line += line
        case "foreign_lines":
            line += vendor.done_line(request, foreign_custom_id, vectors, token_count, fault)
        case "truncated_output_line":
            line = line[: len(line) // 2] + b"\n"
        case "non_json_line":
            line = b"upstream connect error or disconnect/reset before headers\n"
    return line, b""


def foreign_custom_id(custom_ids: Container[str], like: str) -> str:
    """A custom_id that looks like ours and is not among them: the next record's, where it is a number."""
    if like.isdecimal():
        number = int(like)
        while str(number) in custom_ids:
            number += 1
        return str(number)
    while like in custom_ids:
        like = f"x{like}"[:64]
    return like


def _spoilt(vectors: np.ndarray, fault: str | None) -> np.ndarray:
    if fault == "wrong_dimensions":
        return vectors[:, :-1]
    if fault == "zeros":
        return np.zeros_like(vectors)
    if fault in ("nan", "inf"):
        vectors = vectors.copy()
        vectors[:, vectors.shape[1] // 2] = np.nan if fault == "nan" else np.inf
    return vectors
