"""Refusals, whichever words and codes a vendor has for them."""

from __future__ import annotations


class ApiError(Exception):
    """A request the server refuses: an HTTP status, and what an error object tells, of which each vendor has some."""

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


def no_credit() -> ApiError:
    """The refusal of an account that has used up what it paid for."""
    said = "You exceeded your current quota, please check your plan and billing details."
    return ApiError(429, said, kind="insufficient_quota", code="insufficient_quota")


def rate_limited(message: str, wait_s: float) -> ApiError:
    """The refusal of what comes too often."""
    return ApiError(
        429,
        message,
        kind="requests",
        code="rate_limit_exceeded",
        headers={"retry-after": str(max(1, round(wait_s))), "retry-after-ms": str(round(wait_s * 1_000))},
    )


def server_error(
    message: str = "The server had an error while processing your request.", *, retried: bool = False
) -> ApiError:
    """`retried`: it may be asked for again at once."""
    return ApiError(500, message, kind="server_error", headers={"retry-after-ms": "1"} if retried else None)
