"""Column mode: vectors into a column of the user's own table, one a row.

The corpus keeps the books. A row is a document, its text one chunk (or several, whose vectors are averaged); vectors
arrive in `chunks` as ever and go on from there into the column, guarded by the hash of the text as it was sent. Nothing
is put in the user's table besides the column.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, LiteralString

import msgspec
from psycopg import errors, sql
from psycopg.types.json import Jsonb

from ingest.database.locks import with_short_locks
from ingest.database.session import as_user
from ingest.database.statements import in_vector, statement
from ingest.database.table_keys import KEY_TYPES, find_key
from ingest.database.tables import TableName, find_column, find_columns, find_table
from ingest.database.vector_column import VectorColumn
from ingest.errors import UsageError
from ingest.failpoints import reach
from ingest.model import OverLimit, Syntax
from ingest.sources.table_row import root_of
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.chunker import Chunking
    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing

# A quoted name of a table that needs no quotes, unless it is a word of SQL.
_PLAIN_NAME = re.compile(r'("[a-z_][a-z0-9_]*+"\.)?"[a-z_][a-z0-9_]*+"')


@dataclass(frozen=True, slots=True)
class ColumnTarget:
    """The column that a corpus fills: the row of its table `column_target`."""

    table_schema: str
    table_name: str
    key_names: list[str]
    key_types: list[str]
    text_name: str
    vector_name: str
    hash_prefix: str
    source: Table | None
    """How its rows are chosen and read; None where it was not run since that is noted."""
    noted: str | None = None
    """The name that the books have, where the table has had another since: the books follow with the next sync."""

    @property
    def table(self) -> TableName:
        """The user's table."""
        return TableName(self.table_schema, self.table_name)

    @property
    def column(self) -> VectorColumn:
        """The column, to be indexed and searched."""
        return VectorColumn(self.table_schema, self.table_name, self.vector_name)

    @property
    def label(self) -> str:
        """As people read it."""
        return f"{self.table.label}.{self.vector_name}"

    @property
    def source_options(self) -> str:
        """How `ingest run` is told of its rows, as words for the shell."""
        if self.source is None:  # not noted
            return f"--table … --into {shlex.quote(self.vector_name)}"
        given, default = self.source, Table("")
        options = {
            "--table": given.name.replace('"', "") if _PLAIN_NAME.fullmatch(given.name) else given.name,
            "--id": given.key,
            "--text": given.text if given.text != default.text else None,
            "--title": given.title,
            "--where": given.where,
            "--updated-at": given.updated_at,
            "--syntax": given.syntax.value if given.syntax != default.syntax else None,
            "--into": given.into,
        }
        return " ".join(f"{option} {shlex.quote(word)}" for option, word in options.items() if word)

    @property
    def mark(self) -> str:
        """What stands in the fingerprint of its documents for their being whole; once it was the `over_limit`."""
        return self.hash_prefix.rsplit(":", 2)[1]

    @property
    def over_limit(self) -> OverLimit:
        """What becomes of a row over the model's limit."""
        kept = self.source and self.source.over_limit
        return kept or (OverLimit(self.mark) if self.mark in list(OverLimit) else OverLimit.REFUSE)

    @property
    def syntax(self) -> Syntax:
        """How its texts are written."""
        return Syntax(self.hash_prefix.rsplit(":", 1)[1].strip())

    def find_obstacle(self, connection: Connection) -> tuple[str | None, bool]:
        """Why the column takes no UPDATE, as far as the catalog tells; and whether rows of the table can be locked."""
        names = {"schema": self.table_schema, "name": self.table_name, "column": self.vector_name}
        row = connection.execute(statement("find_obstacle"), names).fetchone()
        return (row[0], row[1]) if row else ("it has no such column any more", False)

    def statement(self, name: str, indexing: Indexing, **parts: sql.Composable) -> sql.Composed:
        """A statement of ours about the user's table, to be executed with parameters."""
        return statement(name).format(
            table=_identifier(self.table_schema, self.table_name),
            column=_identifier(self.vector_name),
            **{f"row_of_{document}": self._row_of(document) for document in ("d", "other", "documents", "ready")},
            text=_identifier(self.text_name),
            type=in_vector(indexing.vector_type),
            dimensions=sql.Literal(indexing.dimensions),
            **parts,
        )

    @property
    def key_label(self) -> str:
        """The names of the columns of the key, as people read them."""
        return ", ".join(self.key_names)

    def _row_of(self, document: LiteralString) -> sql.Composed:
        """The condition that `t`, a row of the table, is the one of a document, by the key in its metadata."""
        form: LiteralString = (
            "t.{name} OPERATOR(pg_catalog.=) ({document}.metadata OPERATOR(pg_catalog.#>>) {path})::{type}"
        )
        is_one = len(self.key_names) == 1
        return sql.SQL(" AND ").join(
            sql.SQL(form).format(
                name=_identifier(name),
                document=sql.Identifier(document),
                path=sql.Literal("{key}" if is_one else f"{{key,{place}}}"),
                type=sql.SQL(_literal(key_type)),
            )
            for place, (name, key_type) in enumerate(zip(self.key_names, self.key_types, strict=True))
        )


def find_target(connection: Connection, version: str | None = None) -> ColumnTarget | None:
    """The column that this corpus, or that other version of it, fills; None where it is one of passages."""
    query = statement("read_column_target")
    row = connection.execute(query.format(corpus=sql.Identifier(version)) if version else query).fetchone()
    if row is None:
        return None
    target = ColumnTarget(*row)
    source = target.source and msgspec.convert(target.source, Table)
    if source and target.noted:
        source = replace(source, name=target.table.identifier.as_string(connection))
    return replace(target, source=source)


def open_target(
    connection: Connection,
    connect_plainly: Callable[[], Connection],
    indexing: Indexing,
    chunking: Chunking,
    table: Table,
    *,
    full: bool,
) -> ColumnTarget:
    """The column, added where it is missing; the corpus is bound to it.

    `full`: all rows are read again, and may be embedded from another column of text. `connect_plainly`: a connection
    with the user's own search path, by which the table's name is understood.

    Raises:
        UsageError: there is no such table or column, the column is of another type or cannot be filled, or the corpus
            is another's.
    """
    with connect_plainly() as plain:
        stored = find_target(connection)
        target, is_there = _find(stored, plain, indexing, chunking, table, full=full)
        if not is_there:
            _require_ours(connection, target, stored)
            _add_column(plain, target, indexing)
    _require_fillable(connection, target)
    with connection.transaction():
        stored = find_target(connection)  # as it is by now
        _require_ours(connection, target, stored)
        if stored:
            if stored.noted:
                names = {
                    "root": root_of(target.table.label),
                    "old_root": root_of(stored.noted),
                    "label": target.table.label,
                }
                connection.execute(statement("follow_renamed_table"), names)
            if stored.over_limit is not chunking.over_limit:
                connection.execute(statement("forget_long_rows"))
        write_target(connection, target)
        connection.execute(statement("create_arrivals_index"))
        connection.execute(statement("create_filled_index"))
        with as_user(connection):
            connection.execute(target.statement("forget_emptied_rows", indexing), {})
    return target


def require_target(
    connection: Connection,
    connect_plainly: Callable[[], Connection],
    indexing: Indexing,
    chunking: Chunking,
    table: Table,
    *,
    full: bool,
) -> None:
    """See that a run could fill the column of this corpus, which is there; nothing is written.

    Raises:
        UsageError: as `open_target`.
    """
    stored = find_target(connection)
    with connect_plainly() as plain:
        target, is_there = _find(stored, plain, indexing, chunking, table, full=full)
    _require_ours(connection, target, stored)
    if is_there:
        _require_fillable(connection, target)


def write_target(connection: Connection, target: ColumnTarget) -> None:
    """Note which column this corpus fills."""
    row = {slot: getattr(target, slot) for slot in target.__slots__}
    row["source"] = Jsonb(msgspec.to_builtins(target.source))
    connection.execute(statement("write_column_target"), row)


def share(connection: Connection, indexing: Indexing, target: ColumnTarget, document_ids: list[int]) -> None:
    """Give these documents the vectors of filled rows of the same text, inside a transaction of a sync."""
    if connection.execute(statement("has_filled_rows")).fetchone() == (False,):
        return  # of a column that is filled for the first time each group would be looked for in vain
    parameters = {"document_ids": document_ids, "hash_prefix": target.hash_prefix}
    with as_user(connection):
        connection.execute(target.statement("share_filled_rows", indexing), parameters)


def standing(
    connection: Connection, indexing: Indexing, target: ColumnTarget, content_hashes: list[bytes]
) -> set[bytes]:
    """Those of these contents whose vector `share` would take from a filled row."""
    parameters = {"content_hashes": content_hashes, "hash_prefix": target.hash_prefix}
    with connection.transaction(), as_user(connection):
        return {row[0] for row in connection.execute(target.statement("select_standing_texts", indexing), parameters)}


def count_uncovered(connection: Connection, target: ColumnTarget, fresh: str) -> tuple[int, str | None]:
    """How many rows have a text, and a vector in the target's column, but none in the column `fresh`; a key of them."""
    count = statement("count_uncovered_rows").format(
        table=target.table.identifier,
        key=sql.SQL(", ', ', ").join(
            sql.SQL("t.{}::pg_catalog.text").format(sql.Identifier(name)) for name in target.key_names
        ),
        text=sql.Identifier(target.text_name),
        used=sql.Identifier(target.vector_name),
        fresh=sql.Identifier(fresh),
    )
    with connection.transaction(), as_user(connection):
        row = connection.execute(count).fetchone()
    return (row[0], row[1]) if row else (0, None)


def _find(
    stored: ColumnTarget | None,
    plain: Connection,
    indexing: Indexing,
    chunking: Chunking,
    table: Table,
    *,
    full: bool,
) -> tuple[ColumnTarget, bool]:
    """The column as it is asked for, and whether it is there; `stored`: the one that the books have."""
    if table.into is None:
        raise TypeError("a table without a column to fill")
    try:
        name = find_table(plain, table.name)
    except UsageError as error:
        if stored is None or not stored.noted:
            raise
        raise UsageError(
            f"there is no table {table.name}: the one that was {stored.noted} is {stored.table.label} now. Name it by "
            f"`ingest run {stored.source_options}`: its vectors stay, and nothing is paid again."
        ) from error
    key, text = find_key(plain, name, table.key), find_column(plain, name, table.text)
    if stored and stored.table == TableName(name.schema, name.name) and not full:
        _require_same_text(stored, key.names, text.name, table.syntax)
    vector_name, is_there = _find_vector_column(plain, name, table.into, indexing)
    target = ColumnTarget(
        table_schema=name.schema,
        table_name=name.name,
        key_names=key.names,
        key_types=key.types,
        text_name=text.name,
        vector_name=vector_name,
        hash_prefix=chunking.hash_prefix(table.syntax),
        source=replace(table, name=name.identifier.as_string(plain), over_limit=chunking.over_limit),
    )
    return target, is_there


def _require_fillable(connection: Connection, target: ColumnTarget) -> None:
    with connection.transaction(), as_user(connection):
        obstacle, _ = target.find_obstacle(connection)
    if obstacle:  # before anything is paid
        raise UsageError(f"{target.label} cannot be filled: {obstacle}.")


def _find_vector_column(plain: Connection, table: TableName, given: str, indexing: Indexing) -> tuple[str, bool]:
    """The column's name, and whether it is there; else it can be added."""
    wanted = f"{indexing.vector_type}({indexing.dimensions})"
    columns = {column.name: column for column in find_columns(plain, table)}
    unquoted = given[1:-1].replace('""', '"') if given.startswith('"') and given.endswith('"') else given.lower()
    name = given if given in columns else unquoted
    if name in columns:
        held = columns[name].definition.rpartition(".")[2]  # without the schema of the extension
        if held not in (wanted, indexing.vector_type):
            raise UsageError(
                f"the column {name} of {table.label} is {held}; {indexing.model} as asked for gives {wanted}: pass "
                "--type and --dimensions to match, or name another column."
            )
        return name, True
    if table.kind not in {"r", "p"}:
        raise UsageError(
            f"{table.label} has no column {name}, and is not a table that could be given one: name one it has."
        )
    return name, False


def _add_column(plain: Connection, target: ColumnTarget, indexing: Indexing) -> None:
    table, name = target.table, target.vector_name
    added = statement("add_vector_column").format(
        table=table.identifier,
        column=sql.Identifier(name),
        type=in_vector(indexing.vector_type),
        dimensions=sql.Literal(indexing.dimensions),
    )
    try:
        with_short_locks(plain, table.label, lambda: plain.execute(added), [table.identifier])
    except errors.InsufficientPrivilege as error:
        told = " ".join(added.as_string(plain).partition("\n")[2].split())
        raise UsageError(
            f"{table.label} has no column {name}, and only the table's owner may add one: ask them to run {told}; "
            "then run the same command again."
        ) from error
    reach("column-added")


def _require_same_text(stored: ColumnTarget, key: list[str], text: str, syntax: Syntax) -> None:
    """The rows are told apart, and what is embedded of them is, as it was.

    Raises:
        UsageError: a word was mistyped, or every row is to be paid anew.
    """
    now = {"--id": ",".join(key), "--text": text, "--syntax": syntax.value}
    before = {"--id": ",".join(stored.key_names), "--text": stored.text_name, "--syntax": stored.syntax.value}
    if differing := {option: word for option, word in before.items() if word != now[option]}:
        kept = " ".join(f"{option} {shlex.quote(word)}" for option, word in differing.items())
        raise UsageError(
            f"{stored.label} was filled with {kept}, and now every row would be embedded anew, and paid: name those "
            "again; or add --full, once, if that is what you want."
        )


def _require_ours(connection: Connection, target: ColumnTarget, stored: ColumnTarget | None) -> None:
    """The corpus fills this column, the one that the books have, and no other, or is new."""
    if stored is not None and stored.label != target.label:
        name = stored.table.identifier.as_string(connection)
        if connection.execute("SELECT pg_catalog.to_regclass(%s)", (name,)).fetchone() == (None,):
            # Of one that was renamed since it was noted which it is, it is known.
            raise UsageError(
                f"this corpus fills {stored.label}, and that table is gone: if {target.table.label} is the same table, "
                f"give it its name back (ALTER TABLE … RENAME TO …), and `ingest run {stored.source_options}` once: "
                "nothing is paid again, and from then on it is known by any name. Else name another --corpus."
            )
        raise UsageError(
            f"this corpus fills {stored.label}, not {target.label}: name that again (`ingest run "
            f"{stored.source_options}`), or another --corpus, which pays for its own vectors."
        )
    row = connection.execute(statement("has_documents")).fetchone()
    if stored is None and row == (True,):
        raise UsageError(f"this corpus holds documents: name another --corpus to fill {target.label}.")


def _identifier(*names: str) -> sql.Identifier:
    """Names in a statement with parameters, where psycopg takes a single % for a placeholder."""
    return sql.Identifier(*(name.replace("%", "%%") for name in names))


def _literal(key_type: str) -> LiteralString:
    """A type's name that stands in a statement: one of those a key may have."""
    for known, qualified in KEY_TYPES.items():
        if known == key_type:
            return qualified
    raise UsageError(f"a key of type {key_type} cannot tell rows apart: name other columns by --id.")
