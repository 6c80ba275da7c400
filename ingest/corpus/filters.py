"""Fields of the metadata as typed columns of `chunks`, for searches to filter by. Nothing of them is embedded."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from ingest.database.locks import exclusive_books, with_short_locks
from ingest.database.passages_view import drop_view, make_view
from ingest.database.statements import statement
from ingest.database.tables import TableName, find_columns
from ingest.database.vectors import jsonb_array
from ingest.errors import UsageError
from ingest.model import FilterType, Loss, LossKind
from ingest.redaction import foreign
from ingest.sources.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ingest.database.connection import Connection

_TYPES: dict[FilterType, LiteralString] = {
    FilterType.TEXT: "pg_catalog.text",
    FilterType.INTEGER: "pg_catalog.int8",
    FilterType.NUMBER: "pg_catalog.float8",
    FilterType.BOOLEAN: "pg_catalog.bool",
    FilterType.DATE: "pg_catalog.date",
    FilterType.TIMESTAMP: "pg_catalog.timestamptz",
    FilterType.UUID: "pg_catalog.uuid",
}
_OPERATORS: dict[str, LiteralString] = {"!=": "<>", ">=": ">=", "<=": "<=", "=": "=", ">": ">", "<": "<"}
_ASKED = re.compile(r"([a-z_][a-z0-9_]*)\s*(!=|>=|<=|=|>|<)(.*)", re.DOTALL)
_WHOLE = re.compile(r"[+-]?\d{1,19}")
_TRUE, _FALSE = {"true", "t", "yes", "y", "on", "1"}, {"false", "f", "no", "n", "off", "0"}
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,59}")
_NO_COLUMN = re.compile(r"[^a-z0-9_]")
_SYSTEM = {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}
_AT_ONCE = 1000
_MOST_ASKED = 100
_DATE_LETTERS = 10


@dataclass(frozen=True, slots=True)
class Filter:
    """What a passage must have to be found: its column compared with a value. `place`: among those of one search."""

    name: str
    type: FilterType
    operator: str
    value: str
    place: int

    @property
    def placeholder(self) -> str:
        """The name of the parameter that its value is; one column may be compared with several."""
        return f"filter_{self.place}"

    def condition(self, column: sql.Composable, value: sql.Composable) -> sql.Composed:
        """As SQL."""
        operator = sql.SQL(_OPERATORS[self.operator])
        return sql.SQL("{} OPERATOR(pg_catalog.{}) {}::{}").format(column, operator, value, sql.SQL(_TYPES[self.type]))


def read_filters(connection: Connection, version: str | None = None) -> dict[str, FilterType]:
    """Which fields are columns of the passages, and of what types: of this corpus, or of that other version of it."""
    row = connection.execute(_in(version, "read_filters")).fetchone()
    return {name: FilterType(kind) for name, kind in row[0].items()} if row else {}


def asked_filters(connection: Connection, asked: Sequence[str]) -> tuple[Filter, ...]:
    """What is asked of passages, as `tenant=acme` or `published>=2024-01-31`.

    Raises:
        UsageError: it cannot be read, there is no such field, the value is none of its type, or there are too many.
    """
    asked = (asked,) if isinstance(asked, str) else asked
    if len(asked) > _MOST_ASKED:
        raise UsageError(f"a search has at most {_MOST_ASKED} filters, and these are {len(asked):,}.")
    there = read_filters(connection) if asked else {}
    found = []
    for place, each in enumerate(asked):
        parts = _ASKED.fullmatch(each.strip())
        if parts is None:
            raise UsageError(f"{foreign(each, 60)} is no filter: write it as tenant=acme or published>=2024-01-31.")
        name, operator, given = parts.groups()
        if name not in there:
            known = f"there are {', '.join(there)}" if there else "the setting filters names none"
            raise UsageError(f"passages have no field {name[:60]} to filter by: {known}.")
        value = _as_text(given.strip(), there[name])
        if value is None or value != clean(value):  # of NUL and halves of surrogate pairs, which no text has
            raise UsageError(f"{clean(foreign(given, 60))} is no {there[name]}, which {name} is.")
        found.append(Filter(name, there[name], operator, value, place))
    return tuple(found)


def settle_filters(connection: Connection, corpus: str, wanted: Mapping[str, FilterType] | None) -> None:
    """Give the passages the columns that are wanted, and no others of ours; then what their documents have in them.

    None: those that there are. It is resumed where it was stopped.

    Raises:
        UsageError: the passages have a column of that name, which is not ours.
    """
    there = read_filters(connection)
    if wanted is not None and dict(wanted) != there:
        with_short_locks(connection, corpus, lambda: _set_columns(connection, corpus, wanted))
        there = dict(wanted)
    if there:
        for rows in _unfiltered(connection):
            with connection.transaction():
                exclusive_books(connection, corpus)
                write_filters(connection, there, rows)


def write_filters(
    connection: Connection, filters: Mapping[str, FilterType], documents: Sequence[tuple[int, Mapping[str, object]]]
) -> dict[int, tuple[Loss, ...]]:
    """Write what documents have in the fields, by their metadata; what of it is none of the type, by their ids."""
    losses: dict[int, tuple[Loss, ...]] = {}
    values = []
    for document_id, metadata in documents:
        found, lost = filter_values(metadata, filters)
        values.append(found)
        if lost:
            losses[document_id] = lost
    ids = [document_id for document_id, _ in documents]
    connection.execute(statement("write_filter_values"), {"ids": ids, "filter_values": jsonb_array(values)})
    connection.execute(statement("fill_filters").format(**_parts(filters)), {"document_ids": ids})
    return losses


def mirror_filters(connection: Connection) -> None:
    """Give the passages of the next version, which is the connection's, what its documents have in the fields."""
    if wanted := read_filters(connection):
        connection.execute(statement("mirror_filters").format(**_parts(wanted)))


def alike_filters(connection: Connection, version: str, used: str) -> None:
    """Give a version of the corpus the columns that the one in use has; what it lacked is to be looked for there."""
    wanted = read_filters(connection, used)
    if wanted != read_filters(connection, version):
        _set_columns(connection, version, wanted)


def filter_values(
    metadata: Mapping[str, object], filters: Mapping[str, FilterType]
) -> tuple[dict[str, str | None], tuple[Loss, ...]]:
    """What a document has in the fields, as text that their types take; and what of it is none of the type.

    A field that no column can be called by, such as `doc.by` or `Reviewed-On`, is that of `doc_by`, of `reviewed_on`.
    """
    values: dict[str, str | None] = {}
    losses = []
    spelled = {_as_column(field): value for field, value in metadata.items()} | dict(metadata)
    for name, kind in filters.items():
        found = spelled.get(name)
        values[name] = None if found is None else _as_text(found, kind)
        if found is not None and values[name] is None:
            words = f"its {name} is no {kind}, and left empty: {str(found)[:60]}"
            losses.append(Loss(LossKind.PARTS_LEFT_OUT, 1, words))
    return values, tuple(losses)


def _as_column(field: str) -> str:
    return _NO_COLUMN.sub("_", field.lower())


def _as_text(value: object, kind: FilterType) -> str | None:
    """A value as the text that its type takes; None where it is none of that."""
    text = value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    try:
        return _WRITTEN[kind](text)
    except (ValueError, OverflowError):
        return None


def _integer(text: str) -> str:
    number = int(text) if _WHOLE.fullmatch(text) else _whole(float(text))
    if not -(2**63) <= number < 2**63:
        raise ValueError
    return str(number)


def _whole(number: float) -> int:
    if not number.is_integer():
        raise ValueError
    return int(number)


def _number(text: str) -> str:
    if not math.isfinite(float(text)):
        raise ValueError
    return repr(float(text))


def _boolean(text: str) -> str:
    if text.lower() not in _TRUE | _FALSE:
        raise ValueError
    return "true" if text.lower() in _TRUE else "false"


def _date(text: str) -> str:
    return (date.fromisoformat(text) if len(text) <= _DATE_LETTERS else datetime.fromisoformat(text).date()).isoformat()


def _timestamp(text: str) -> str:
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()


_WRITTEN: dict[FilterType, Callable[[str], str]] = {
    FilterType.TEXT: str,
    FilterType.INTEGER: _integer,
    FilterType.NUMBER: _number,
    FilterType.BOOLEAN: _boolean,
    FilterType.DATE: _date,
    FilterType.TIMESTAMP: _timestamp,
    FilterType.UUID: lambda text: str(UUID(text)),
}


def _set_columns(connection: Connection, corpus: str, wanted: Mapping[str, FilterType]) -> None:
    """Add and drop columns; what documents have in them is to be looked for."""
    with connection.transaction():
        exclusive_books(connection, corpus)
        there = read_filters(connection, corpus)
        taken = {column.name for column in find_columns(connection, TableName(corpus, "chunks"))} - there.keys()
        if wrong := [name for name in wanted if not _NAME.fullmatch(name)]:
            said = f"{wrong[0]} is no name for a filter: it is small letters, digits and _, 60 at most."
            told = (
                f" {spelled} is that of the field {wrong[0]}."
                if _NAME.fullmatch(spelled := _as_column(wrong[0]))
                else ""
            )
            raise UsageError(said + told)
        if mine := sorted(wanted.keys() & (taken | _SYSTEM)):
            raise UsageError(f"{corpus}.chunks has a column {mine[0]} already: name the filter otherwise.")
        going = [name for name, kind in there.items() if wanted.get(name) is not kind]
        on_view = drop_view(connection, corpus) if going else ()
        for name in going:
            column = sql.Identifier(name)
            connection.execute(statement("drop_column").format(table=sql.Identifier(corpus, "chunks"), column=column))
        for name, kind in wanted.items():
            if there.get(name) is not kind:
                column, index = sql.Identifier(name), sql.Identifier(f"chunks_filter_{name}"[:63])
                kind_sql = sql.SQL(_TYPES[kind])
                connection.execute(_in(corpus, "add_filter_column", column=column, type=kind_sql))
                connection.execute(_in(corpus, "create_filter_index", column=column, index=index))
        connection.execute(
            _in(corpus, "write_filters"), {"filters": Jsonb({name: str(wanted[name]) for name in wanted})}
        )
        connection.execute(_in(corpus, "forget_filter_values"))
        make_view(connection, corpus, on_view)


def _in(version: str | None, name: str, **parts: sql.Composable) -> sql.Composed:
    """A statement on a version of the corpus; None: the one that is the connection's."""
    return statement(name).format(**({"corpus": sql.Identifier(version)} if version else {}), **parts)


def _unfiltered(connection: Connection) -> Iterator[list[tuple[int, dict[str, object]]]]:
    after = 0
    while rows := connection.execute(
        statement("select_unfiltered_documents"), {"after": after, "limit": _AT_ONCE}
    ).fetchall():
        yield rows
        after = rows[-1][0]


def _parts(filters: Mapping[str, FilterType]) -> dict[str, sql.Composable]:
    """The columns, as they are written to and as they are read, and what their documents have for them."""
    columns = {name: sql.Identifier("chunks", name) for name in filters}
    found = {
        name: sql.SQL("(d.filter_values OPERATOR(pg_catalog.->>) {})::{}").format(
            sql.Literal(name), sql.SQL(_TYPES[kind])
        )
        for name, kind in filters.items()
    }
    return {
        "targets": sql.SQL(", ").join(map(sql.Identifier, filters)),
        "columns": sql.SQL(", ").join(columns.values()),
        "found": sql.SQL(", ").join(found.values()),
    }
