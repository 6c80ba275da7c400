"""Refusals as Google's APIs write them: google.rpc.Status, by its name in calls and by its number in batches."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from ingest.emulator.errors import ApiError
from ingest.emulator.responses import json_response

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.responses import Response

# google.rpc.Code, by the HTTP statuses that are mapped to it.
_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}
_NUMBERS = {
    "CANCELLED": 1,
    "UNKNOWN": 2,
    "INVALID_ARGUMENT": 3,
    "DEADLINE_EXCEEDED": 4,
    "NOT_FOUND": 5,
    "ALREADY_EXISTS": 6,
    "PERMISSION_DENIED": 7,
    "RESOURCE_EXHAUSTED": 8,
    "FAILED_PRECONDITION": 9,
    "UNIMPLEMENTED": 12,
    "INTERNAL": 13,
    "UNAVAILABLE": 14,
    "UNAUTHENTICATED": 16,
}
_WRONG_KEY = "API_KEY_INVALID"


def authorize(headers: Headers, api_key: str) -> None:
    """See that a call has the key.

    Raises:
        ApiError: it has not; a wrong one is told as a wrong argument.
    """
    given = headers.get("x-goog-api-key", "")
    if not given:
        raise ApiError(
            403,
            "Method doesn't allow unregistered callers (callers without established identity). "
            "Please use API Key or other form of API consumer identity to call this API.",
        )
    if not secrets.compare_digest(given.encode(), api_key.encode()):
        raise ApiError(400, "API key not valid. Please pass a valid API key.", code=_WRONG_KEY)


def refusal(error: ApiError) -> Response:
    """A refusal as JSON; how long to wait is not told."""
    body: dict[str, Any] = {"code": error.status_code, "message": error.message, "status": status_name(error)}
    if error.code == _WRONG_KEY:
        body["details"] = [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": _WRONG_KEY,
                "domain": "googleapis.com",
                "metadata": {"service": "generativelanguage.googleapis.com"},
            }
        ]
    return json_response({"error": body}, error.status_code)


def status_name(error: ApiError) -> str:
    """The name of its google.rpc.Code."""
    return error.kind if error.kind in _NUMBERS else _NAMES.get(error.status_code, "UNKNOWN")


def status_number(name: str) -> int:
    """The number of a google.rpc.Code."""
    return _NUMBERS[name]


def not_ready(message: str) -> ApiError:
    """The refusal of what would be taken at another time."""
    return ApiError(400, message, kind="FAILED_PRECONDITION")


def absent_file(file_id: str, *, is_hidden: bool = False) -> ApiError:
    """The refusal of a file id that names nothing: whether it is another's is not told. Hidden by a fault: 404."""
    if is_hidden:
        return ApiError(404, f"Requested entity was not found: {file_id}.")
    name = file_id.removeprefix("files/")
    return ApiError(403, f"You do not have permission to access the File {name} or it may not exist.")


def absent_batch(batch_id: str) -> ApiError:
    """The refusal of a batch id that names nothing."""
    return ApiError(404, f"Requested entity was not found: {batch_id}.")


def absent_model(model: str) -> ApiError:
    """The refusal of a model that is not served."""
    return ApiError(
        404,
        f"models/{model} is not found for API version v1beta, or is not supported for embedContent. Call ListModels to "
        "see the list of available models and their supported methods.",
    )


def exhausted() -> ApiError:
    """The refusal of a batch there is no room for: no limit and no time is told."""
    return ApiError(429, "Resource has been exhausted (e.g. check quota).")
