"""Refusals as AWS's JSON services write them: the name in a header, the words in the body."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from ingest.emulator.errors import ApiError
from ingest.emulator.responses import json_response

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.responses import Response

_NAMES = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}
_SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/[a-z0-9-]+/bedrock/aws4_request,")


def authorize(headers: Headers, api_key: str) -> None:
    """See that a call is signed for the service, by the access key; whether rightly is not looked at.

    Raises:
        ApiError: it is not.
    """
    signed = _SIGNED.match(headers.get("authorization", ""))
    if not signed:
        raise ApiError(403, "Missing Authentication Token", code="MissingAuthenticationTokenException")
    if not secrets.compare_digest(signed[1].encode(), api_key.encode()):
        said = "The security token included in the request is invalid."
        raise ApiError(403, said, code="UnrecognizedClientException")


def refusal(error: ApiError) -> Response:
    """A refusal as JSON."""
    name = error.code if error.code and error.code.endswith("Exception") else _NAMES.get(error.status_code)
    headers = {"x-amzn-errortype": name or "ValidationException"}
    return json_response({"message": error.message}, error.status_code, headers)


def invalid(message: str) -> ApiError:
    """The refusal of a request that is not as it should be."""
    return ApiError(400, message)


def over_quota() -> ApiError:
    """The refusal of a job there is no room for."""
    said = "You have exceeded the quota for the sum of in-progress and submitted batch inference jobs."
    return ApiError(400, said, code="ServiceQuotaExceededException")


def conflict(message: str) -> ApiError:
    """The refusal of what does not agree with what is there."""
    return ApiError(400, message, code="ConflictException")
