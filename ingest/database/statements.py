"""The SQL files of the package, read once. The connection that executes them fills in the corpus and pgvector.

No name is left to the search path: a table of the corpus is `{corpus}.chunks`, a type, function or operator of pgvector
`{vector}.vector`, `{vector}.l2_normalize`, `OPERATOR({vector}.<=>)`. Unqualified names are PostgreSQL's own.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg import sql

if TYPE_CHECKING:
    from psycopg.abc import AdaptContext


class _Schema(sql.Composable):
    """The schema that the connection has under this name."""

    def as_bytes(self, context: AdaptContext | None = None) -> bytes:
        schema = getattr(context and context.connection, self._obj, None)
        if schema is None:
            raise TypeError(f"this connection has no {self._obj}")
        return sql.Identifier(schema).as_bytes(context)


_CORPUS, _VECTOR = _Schema("corpus"), _Schema("vector_schema")


class Statement(sql.SQL):
    """SQL in which `{corpus}` and `{vector}` are filled in when it is executed, and the rest by `format`."""

    def as_bytes(self, context: AdaptContext | None = None) -> bytes:
        """The statement as the server gets it."""
        return self.format().as_bytes(context)

    def as_string(self, context: AdaptContext | None = None) -> str:
        """The statement as people read it."""
        return self.format().as_string(context)

    def format(self, *args: Any, **kwargs: Any) -> sql.Composed:
        """Fill in the other names."""
        return super().format(*args, **{"corpus": _CORPUS, "vector": _VECTOR} | kwargs)


def names_corpus(query: object) -> bool:
    """Whether a statement is on the corpus's own tables."""
    if isinstance(query, Statement):
        return "{corpus}" in query._obj  # noqa: SLF001 - its text
    if isinstance(query, sql.Composed):
        return any(part is _CORPUS or names_corpus(part) for part in query)
    return False


_PACKAGE = Path(__file__).parents[1]
# Part of the package where that was built and installed; in a checkout beside it.
SQL = next(folder for folder in (_PACKAGE / "sql", _PACKAGE.parent / "sql") if folder.is_dir())


@cache
def _queries() -> dict[str, Path]:
    return {file.stem: file for file in SQL.glob("queries/*/*.sql")}


@cache
def statement(name: str) -> Statement:
    """The one statement of `sql/queries/WING/NAME.sql`; no two wings have one of the same name."""
    return Statement(_queries()[name].read_text(encoding="utf-8"))  # our own file, not a user's text


def in_corpus(name: str) -> sql.Composed:
    """A table or index of the corpus, as SQL reads it."""
    return Statement("{corpus}.{}").format(sql.Identifier(name))


def in_vector(name: str) -> sql.Composed:
    """A type or operator class of pgvector, as SQL reads it."""
    return Statement("{vector}.{}").format(sql.Identifier(name))


@cache
def schema_versions() -> tuple[tuple[int, str, sql.SQL], ...]:
    """The steps of the corpus's schema: (version, name, statements), in order.

    They make what they name in the first schema of the search path.
    """
    steps = []
    for file in SQL.joinpath("schema").iterdir():
        version, _, name = file.name.removesuffix(".sql").partition("_")
        steps.append((int(version), name, sql.SQL(file.read_text(encoding="utf-8"))))
    return tuple(sorted(steps, key=lambda step: step[0]))
