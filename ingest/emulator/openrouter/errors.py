"""Refusals in OpenRouter's form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.emulator.responses import json_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from ingest.emulator.errors import ApiError

_NO_CREDIT, _PAYMENT_REQUIRED = "insufficient_quota", 402
_TYPES = {400: "invalid_request", 401: "authentication", 402: "payment_required", 429: "rate_limit_exceeded"}


def refusal(error: ApiError) -> Response:
    """A refusal as JSON."""
    status_code = _status(error)
    body = {"error": {"code": status_code, "message": error.message}}
    return json_response(body, status_code, error.headers)


def line_error(error: ApiError | None) -> dict[str, str | None]:
    """The error of a request that ran and was refused; None: without a word."""
    if error is None:
        return {"message": "", "param": None, "type": "server_error", "error_type": "unmapped"}
    error_type = _TYPES.get(_status(error), "server")
    return {"message": error.message, "param": error.param, "type": "provider_error", "error_type": error_type}


def _status(error: ApiError) -> int:
    return _PAYMENT_REQUIRED if error.code == _NO_CREDIT else error.status_code
