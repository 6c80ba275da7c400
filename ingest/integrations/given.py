"""What is read, and by which settings, as schedulers keep it: plain JSON, without secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.corpus import Given
    from ingest.settings import Settings


def read_source(source: str | Sequence[str] | Mapping[str, Any] | None) -> Given | None:
    """A path or URL, several, or a table: `{"name": "articles", "text": "body", …}`, the fields of `Table`.

    Raises:
        UsageError: a table has no such field, or no name.
    """
    if source is None:
        return None
    if not isinstance(source, Mapping):
        return [source] if isinstance(source, str) else [str(path) for path in source]
    from ingest.sources.tables import Table

    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in source.items()
    }
    try:
        return Table(**fields)
    except TypeError as error:
        raise UsageError(
            f"a table that is read has a name and the fields of ingest.sources.tables.Table, and no others: {error}."
        ) from None


def read_settings(settings: Mapping[str, Any], secrets: Mapping[str, str | None]) -> Settings:
    """Settings of plain JSON with the secrets of this place; those that are None are as there, or in the environment.

    Raises:
        UsageError: a setting cannot be right.
    """
    from ingest.settings import load_settings

    return load_settings({**settings, **{name: value for name, value in secrets.items() if value is not None}})
