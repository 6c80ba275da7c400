"""Refusals in Mistral's forms, of which it has three."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.emulator.errors import ApiError
from ingest.emulator.responses import json_response

if TYPE_CHECKING:
    from starlette.responses import Response


def refusal(error: ApiError) -> Response:
    """A refusal as JSON; how long to wait is not told."""
    if error.status_code == 401:
        return json_response({"detail": "Unauthorized"}, 401)
    if error.status_code == 422:
        told = {"type": "value_error", "loc": ["body", error.param], "msg": error.message, "input": None}
        return json_response({"detail": [told]}, 422)
    return json_response(error_body(error), error.status_code)


def error_body(error: ApiError) -> dict[str, Any]:
    """The body of a refusal, the same for a call and for a line of a batch."""
    return {
        "object": "error",
        "message": error.message,
        "type": error.kind,
        "param": error.param,
        "code": error.code,
    }


def unprocessable(param: str, message: str) -> ApiError:
    """The refusal of a body by its schema."""
    return ApiError(422, message, param=param)


def absent(kind: str, name: str) -> ApiError:
    """The refusal of an id that names nothing."""
    return ApiError(404, f"{kind} {name} not found.", kind="not_found")


def invalid_model(model: str) -> ApiError:
    """The refusal of a model that is not served."""
    return ApiError(400, f"Invalid model: {model}", kind="invalid_model", code="1500")
