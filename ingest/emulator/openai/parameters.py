"""The parameters of calls, checked; each refusal in the API's words. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from ingest.emulator.errors import ApiError
from ingest.emulator.openai.errors import invalid_value, missing
from ingest.emulator.openai.lines import ENDPOINT
from ingest.errors import UNREADABLE_JSON

if TYPE_CHECKING:
    from collections.abc import Mapping

_METADATA_PAIRS, _METADATA_KEY, _METADATA_VALUE = 16, 64, 512
_LIFETIME_S = range(3_600, 2_592_000 + 1)


class NewBatch(msgspec.Struct):
    """What a call to create a batch asks for."""

    input_file_id: str
    metadata: dict[str, str] | None
    output_lifetime_s: int | None


def new_batch(body: bytes) -> NewBatch:
    """The body of a call to create a batch.

    Raises:
        ApiError: it lacks something, or has something that is not served.
    """
    try:
        fields = msgspec.json.decode(body)
    except UNREADABLE_JSON:
        raise ApiError(400, "We could not parse the JSON body of your request.") from None
    if not isinstance(fields, dict):
        raise ApiError(400, "The body of your request is not a JSON object.")
    for param in ("input_file_id", "endpoint", "completion_window"):
        if not fields.get(param):
            raise missing(param)
    for param in fields:
        if param not in (
            "input_file_id",
            "endpoint",
            "completion_window",
            "metadata",
            "output_expires_after",
        ):
            raise ApiError(400, f"Unknown parameter: '{param}'.", param=param, code="unknown_parameter")
    for param, supported in (("endpoint", ENDPOINT), ("completion_window", "24h")):
        if fields[param] != supported:
            raise invalid_value(param, fields[param], f"'{supported}'")
    if not isinstance(fields["input_file_id"], str):
        raise _wrong_kind("input_file_id", "a string")
    expiry = fields.get("output_expires_after")
    return NewBatch(
        fields["input_file_id"],
        _metadata(fields.get("metadata")),
        None if expiry is None else _lifetime(expiry, "output_expires_after"),
    )


def file_lifetime(form: Mapping[str, Any]) -> int | None:
    """How long an uploaded file is kept, where the form says so.

    Raises:
        ApiError: it cannot be kept so.
    """
    fields = {name: form.get(f"expires_after[{name}]") for name in ("anchor", "seconds")}
    if fields["anchor"] is None and fields["seconds"] is None:
        return None
    seconds = fields["seconds"]
    if isinstance(seconds, str) and seconds.isdecimal():
        fields["seconds"] = int(seconds)
    return _lifetime(fields, "expires_after")


def integer(text: str | None, name: str, *, default: int, maximum: int) -> int:
    """A whole number of a query, from 1 to a maximum.

    Raises:
        ApiError: it is no such number.
    """
    if text is None:
        return default
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise ApiError(
            400,
            f"Invalid type for '{name}': expected an integer, but got '{text[:40]}' instead.",
            param=name,
            code="invalid_type",
        )
    number = int(text)
    if number < 1:
        bound, code = (
            f"below minimum value. Expected a value >= 1, but got {number}",
            "integer_below_min_value",
        )
    elif number > maximum:
        bound = f"above maximum value. Expected a value <= {maximum}, but got {number}"
        code = "integer_above_max_value"
    else:
        return number
    raise ApiError(400, f"Invalid '{name}': integer {bound} instead.", param=name, code=code)


def _metadata(metadata: object) -> dict[str, str] | None:
    if metadata is None:
        return None
    if not isinstance(metadata, dict):
        raise _wrong_kind("metadata", "an object")
    if len(metadata) > _METADATA_PAIRS:
        raise ApiError(
            400,
            f"Invalid 'metadata': too many properties. Expected an object with at most {_METADATA_PAIRS} "
            f"properties, but got an object with {len(metadata)} properties instead.",
            param="metadata",
            code="object_above_max_properties",
        )
    for key, value in metadata.items():
        if not isinstance(value, str):
            raise _wrong_kind(f"metadata.{key}", "a string")
        if len(key) > _METADATA_KEY or len(value) > _METADATA_VALUE:
            raise ApiError(
                400,
                f"Invalid 'metadata.{key[:_METADATA_KEY]}': string too long. Expected keys of at most "
                f"{_METADATA_KEY} and values of at most {_METADATA_VALUE} characters.",
                param="metadata",
                code="string_above_max_length",
            )
    return metadata


def _lifetime(expiry: object, param: str) -> int:
    if not isinstance(expiry, dict):
        raise _wrong_kind(param, "an object")
    if expiry.get("anchor") != "created_at":
        raise invalid_value(f"{param}.anchor", expiry.get("anchor"), "'created_at'")
    seconds = expiry.get("seconds")
    if not isinstance(seconds, int) or seconds not in _LIFETIME_S:
        raise invalid_value(f"{param}.seconds", seconds, f"{_LIFETIME_S[0]} to {_LIFETIME_S[-1]}")
    return seconds


def _wrong_kind(param: str, expected: str) -> ApiError:
    return ApiError(400, f"Invalid type for '{param}': expected {expected}.", param=param, code="invalid_type")
