"""Refusals in OpenAI's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.emulator.errors import ApiError
from ingest.emulator.responses import json_response

if TYPE_CHECKING:
    from starlette.responses import Response


def refusal(error: ApiError) -> Response:
    """A refusal as JSON."""
    return json_response(error_body(error), error.status_code, error.headers)


def error_body(error: ApiError) -> dict[str, dict[str, str | None]]:
    """The body of a refusal, the same for a call and for a line of a batch."""
    return {"error": {"message": error.message, "type": error.kind, "param": error.param, "code": error.code}}


def no_such_file(file_id: str, *, param: str = "id", status_code: int = 404) -> ApiError:
    """The refusal of a file id that names nothing."""
    return ApiError(status_code, f"No such File object: {file_id}", param=param)


def no_such_batch(batch_id: str) -> ApiError:
    """The refusal of a batch id that names nothing."""
    return ApiError(404, f"No batch found with id '{batch_id}'.")


def missing(param: str) -> ApiError:
    """The refusal of a body that lacks a field."""
    return ApiError(400, f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")


def invalid_value(param: str, value: object, supported: str) -> ApiError:
    """The refusal of a value that is not among the supported ones."""
    return ApiError(
        400,
        f"Invalid value: '{value}'. Supported values are: {supported}.",
        param=param,
        code="invalid_value",
    )


def model_not_found(model: str) -> ApiError:
    """The refusal of a model that is not served."""
    return ApiError(
        404,
        f"The model `{model}` does not exist or you do not have access to it.",
        code="model_not_found",
    )
