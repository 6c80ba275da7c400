"""Refusals, in the words and codes of the API."""

from __future__ import annotations


class ApiError(Exception):
    """A request the server refuses: an HTTP status and OpenAI's error object."""

    def __init__(
        self,
        status_code: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.message = message
        self.kind = kind
        self.param = param
        self.code = code
        self.headers = headers

    def body(self) -> dict[str, dict[str, str | None]]:
        """The response's body, the same for a call and for a line of a batch."""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}


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


def no_credit() -> ApiError:
    """The refusal of an account that has used up what it paid for."""
    said = "You exceeded your current quota, please check your plan and billing details."
    return ApiError(429, said, kind="insufficient_quota", code="insufficient_quota")
