"""Refusals in Voyage's form: words alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.emulator.responses import json_response

if TYPE_CHECKING:
    from starlette.responses import Response

    from ingest.emulator.errors import ApiError


def refusal(error: ApiError) -> Response:
    """A refusal as JSON."""
    return json_response({"detail": error.message}, error.status_code, error.headers)
