"""What stands above a text for the programs that publish it: YAML between dashes, TOML between plus signs."""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime, time
from typing import TYPE_CHECKING, NamedTuple

from ingest.sources.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST = 100_000  # characters
_DEEPEST = 8
_LARGEST_NUMBER = 1e30
_YAML = re.compile(r"\A---[ \t\r]*+\n(?P<matter>(?s:.*?\n)??)(?:---|\.\.\.)[ \t\r]*+(?:\n(?:[ \t\r]*\n)*+|\Z)")
_TOML = re.compile(r"\A\+\+\+[ \t\r]*+\n(?P<matter>(?s:.*?\n)??)\+\+\+[ \t\r]*+(?:\n(?:[ \t\r]*\n)*+|\Z)")


class Parted(NamedTuple):
    """A text without what stood above it, and what that says: nothing where nothing stood that can be read."""

    text: str
    matter: Mapping[str, object]
    title: str | None = None


def without_front_matter(text: str) -> Parted:
    """Part a text from its front matter."""
    match text[:3]:
        case "---":
            found, read = _YAML.match(text[:_LONGEST]), _yaml
        case "+++":
            found, read = _TOML.match(text[:_LONGEST]), _toml
        case _:
            return Parted(text, {})
    matter = read(found["matter"]) if found else None
    if found is None or matter is None:
        return Parted(text, {})
    told = {clean(str(key)): _plain(value, _DEEPEST) for key, value in matter.items()}
    title = told.get("title", told.get("Title"))
    return Parted(text[found.end() :], told, " ".join(title.split()) or None if isinstance(title, str) else None)


def _toml(text: str) -> dict[object, object] | None:
    try:
        return dict(tomllib.loads(text.replace("\r\n", "\n")).items())
    except (tomllib.TOMLDecodeError, RecursionError):
        return None


def _yaml(text: str) -> dict[object, object] | None:
    """A mapping; None where it is none, or one that repeats itself: a few lines may stand for gigabytes."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, loader)):
            return None
        found = yaml.load(text, loader)  # noqa: S506 - both loaders are safe ones
    except (yaml.YAMLError, ValueError, RecursionError):  # ValueError: a date such as 2024-13-45
        return None
    return found if isinstance(found, dict) else None


def _plain(value: object, deepest: int) -> object:
    """A value as PostgreSQL's jsonb can hold it; times as text, by ISO 8601."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float) and abs(value) < _LARGEST_NUMBER:
        return value
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, dict) and deepest:
        return {clean(str(key)): _plain(each, deepest - 1) for key, each in value.items()}
    if isinstance(value, list | tuple | set) and deepest:
        return [_plain(each, deepest - 1) for each in value]
    return clean(str(value)) if isinstance(value, str | float) else f"{type(value).__name__}"
