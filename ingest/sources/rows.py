"""A record of a file, and the fields of it that make a document. Pure."""

from __future__ import annotations

import math
from datetime import date, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from ingest.sources.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST_NAMES = 20


class Row(NamedTuple):
    """A record of a file: its number, counted from 1, and its fields; or why it has none. `place`: where it stands."""

    number: int
    fields: Mapping[str, object] | None
    reason: str = ""
    place: str = ""


class BrokenError(Exception):
    """The rest of a file cannot be read; the message says why."""


def field_value(fields: Mapping[str, object], name: str, default: object = None) -> object:
    """A field by its name, or, as `a.b`, by the way to it through others; `default` where there is none."""
    if name in fields:
        return fields[name]
    value: object = fields
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            return default
        value = value[part]
    return value


def has_field(names: Sequence[str], name: str) -> bool:
    """Whether there is such a field among them, or one that may hold it."""
    return name in names or name.split(".", maxsplit=1)[0] in names


def key_names(key: str) -> list[str]:
    """The fields that are the key together."""
    return [name for part in key.split(",") if (name := part.strip())]


def storable(value: object) -> object:
    """A value as jsonb can hold it."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {clean(str(name)): storable(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [storable(inner) for inner in value]
    if isinstance(value, date | time):
        return value.isoformat()
    return value if isinstance(value, int | None) else _words(value)


def _words(value: object) -> str | None:
    """What has one way to be written."""
    return str(value) if isinstance(value, Decimal | UUID | timedelta) else None


def listed_names(names: Sequence[str]) -> str:
    """The fields there are, as a message lists them."""
    named = [name for name in names if name]
    more = f" and {len(named) - _MOST_NAMES:,} more" if len(named) > _MOST_NAMES else ""
    return ", ".join(named[:_MOST_NAMES]) + more
