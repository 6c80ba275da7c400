"""The versions of a corpus, each a schema: `docs` in use, `docs__next` in the making, `docs__old` kept.

A name proves nothing: each has in its books which family it is of. One that was made before that was noted is taken in
by what stands in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias
from uuid import uuid4, uuid5

from psycopg import sql

from ingest.corpus.column import write_target
from ingest.corpus.filters import alike_filters
from ingest.database.attachments import place_alike, require_movable
from ingest.database.corpus import create_corpus, read_indexing, upgrade_corpus
from ingest.database.locks import schema_lock
from ingest.database.ownership import NEXT, OLD, foreign_objects, has_books, read_books, schema_exists
from ingest.database.statements import statement
from ingest.errors import UsageError
from ingest.formatting import some

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet
    from uuid import UUID

    from ingest.corpus.column import ColumnTarget
    from ingest.database.connection import Connection
    from ingest.database.corpus import Indexing
    from ingest.database.ownership import Books

MAX_NAME_BYTES = 63 - len(NEXT)
"""Of a corpus that may have a version beside it: PostgreSQL cuts what is longer than 63."""

Trial: TypeAlias = Literal["new", "begun", "kept"]
"""What a version is that is made to be looked at: it goes in the end, unless it is one that was to be kept."""


def next_of(name: str) -> str:
    """What the version in the making is called: of a corpus, of a column, of an index on it.

    Raises:
        UsageError: PostgreSQL would cut the name.
    """
    if len(name.encode()) > MAX_NAME_BYTES:
        raise UsageError(f"{name} is too long a name for a second one beside it: at most {MAX_NAME_BYTES} bytes.")
    return name + NEXT


def old_of(name: str) -> str:
    """What the version is called that was in use before the swap."""
    return name + OLD


def version_beside(connection: Connection, corpus: str, name: str) -> bool:
    """Whether there is that other version of the corpus, which is brought up to date.

    Raises:
        UsageError: the schema is somebody else's, or another corpus.
    """
    with connection.transaction():
        if not schema_exists(connection, name):
            return False
        used = upgrade_corpus(connection, corpus)
        if read_books(connection, name) is None:
            foreign = foreign_objects(connection, name, None)
            if foreign and not (used and name in used.made_schemas):
                raise UsageError(
                    f"the schema {name} holds {some(foreign)}, and is not ours: rename it, as the name is needed "
                    f"for a version of {corpus}."
                )
            return False
        other = upgrade_corpus(connection, name)
        if used and other and other.family is None and _is_version(connection, corpus, name):
            note_versions(connection, [corpus, name], used.family or uuid4(), {*used.made_schemas, name})
        elif used and other and other.family and other.family == used.family:
            _follow_renamed(connection, corpus, name, used)
        else:
            raise UsageError(
                f"{name} is a corpus of its own, not a version of {corpus}: rename its schema, as the name is needed."
            )
    return True


def begin_next(connection: Connection, corpus: str, indexing: Indexing, target: ColumnTarget | None) -> None:
    """Make the next version, empty, as a version of this corpus; nothing where it is there.

    `connection`: its corpus is the next version; `target`: the column that it will fill, noted before it is made.

    Raises:
        UsageError: it is there, and of another model; or what is the user's own could not be carried over to it.
    """
    name = next_of(corpus)
    with connection.transaction():
        schema_lock(connection)
        made = set() if schema_exists(connection, name) else {name}
        if not version_beside(connection, corpus, name):
            create_corpus(connection, name, indexing)
            place_alike(connection, corpus, name, tables_of(connection, corpus))
            used = read_books(connection, corpus)
            note_versions(
                connection,
                [corpus, name],
                (used and used.family) or uuid4(),
                made.union(used.made_schemas if used else ()),
            )
            if target:
                write_target(connection, target)
        begun = read_indexing(connection, name)
        if (begun.model, begun.dimensions, begun.vector_type) != (
            indexing.model,
            indexing.dimensions,
            indexing.vector_type,
        ):
            raise UsageError(
                f"{name} was begun with {begun.vector_type}({begun.dimensions}) of {begun.model}: name that, to go on; "
                "or drop it by `ingest reembed --discard`, with what was paid for it."
            )
        alike_filters(connection, name, corpus)
        require_movable(connection, corpus, name, [*tables_of(connection, corpus), *views_of(connection, corpus)])


def begin_trial(connection: Connection, corpus: str, name: str, indexing: Indexing) -> Trial:
    """Make a version of the corpus to be looked at beside it, where it is not there.

    Until it is kept it is of a family of its own, which is made from the corpus's.

    Raises:
        UsageError: the name is another's, or the version that is there was made by other settings.
    """
    with connection.transaction():
        schema_lock(connection)
        used = upgrade_corpus(connection, corpus)
        family = used.family if used else None
        if schema_exists(connection, name):
            other = upgrade_corpus(connection, name) if has_books(connection, name) else None
            if other is None or family is None or other.family not in {family, _family_of_trials(family)}:
                raise UsageError(
                    f"the schema {name} is there, and no version of {corpus}: rename it, its name is needed."
                )
            if read_indexing(connection, name) != indexing:
                raise UsageError(f"{name} was made by other settings: `ingest drop {name}` first.")
            return "kept" if other.family == family else "begun"
        create_corpus(connection, name, indexing)
        family, made = family or uuid4(), set(used.made_schemas if used else ())
        note_versions(connection, [corpus], family, made)
        note_versions(connection, [name], _family_of_trials(family), made)
        return "new"


def keep_trial(connection: Connection, corpus: str, name: str) -> None:
    """Note that a version which was made to be looked at stays."""
    with connection.transaction():
        used = read_books(connection, corpus)
        if used and used.family:
            note_versions(connection, [name], used.family, set(used.made_schemas))


def _family_of_trials(family: UUID) -> UUID:
    return uuid5(family, "trial")


def stray_versions(connection: Connection, corpus: str) -> list[str]:
    """Versions of this corpus that stand under the name that its schema had, and what puts each where it belongs."""
    used = read_books(connection, corpus)
    if used is None or used.family is None:
        return []
    return [
        f"{name} is a version of {corpus}, whose schema was renamed: ALTER SCHEMA {name} RENAME TO {corpus}{suffix}; "
        "nothing is paid again"
        for (name,) in connection.execute(statement("list_corpora")).fetchall()
        for suffix in (NEXT, OLD)
        if name.endswith(suffix) and name != corpus + suffix
        if (books := read_books(connection, name)) and books.family == used.family
    ]


def make_schema(connection: Connection, corpus: str, name: str) -> None:
    """Make a schema for a version of the corpus, where there is none; noted by `versions`."""
    books = read_books(connection, corpus)
    if books and books.family and not schema_exists(connection, name):
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        note_versions(connection, versions_of(connection, corpus), books.family, {*books.made_schemas, name})


def unmake_schema(connection: Connection, corpus: str, name: str) -> list[sql.Composed]:
    """What drops the schema of a version, once our tables are out; it is noted.

    Nothing, where it was not made for a version, or holds something else.
    """
    books = read_books(connection, corpus)
    if not books or not books.family or name not in books.made_schemas:
        return []
    if foreign_objects(connection, name, read_books(connection, name)):
        return []
    note_versions(connection, versions_of(connection, corpus), books.family, set(books.made_schemas) - {name})
    return [sql.SQL("DROP SCHEMA {}").format(sql.Identifier(name))]


def versions_of(connection: Connection, corpus: str) -> list[str]:
    """The versions that there are of a corpus."""
    return [name for name in (corpus, next_of(corpus), old_of(corpus)) if has_books(connection, name)]


def note_versions(
    connection: Connection, versions: Sequence[str], family: UUID, made_schemas: AbstractSet[str]
) -> None:
    """Note in the books of versions of a corpus that they are such, and which schemas were made for them."""
    parameters = {"family": family, "made_schemas": sorted(made_schemas)}
    for version in versions:
        connection.execute(statement("write_family").format(corpus=sql.Identifier(version)), parameters)


def _follow_renamed(connection: Connection, corpus: str, name: str, used: Books) -> None:
    """A version whose schema was renamed with that of its corpus is one that was made by us, if it was before."""
    if name in used.made_schemas:
        return
    suffix = name.removeprefix(corpus)
    before = [made for made in used.made_schemas if made.endswith(suffix) and not schema_exists(connection, made)]
    if used.family and before:
        made = {*used.made_schemas, name}.difference(before)
        note_versions(connection, [corpus, name], used.family, made)


def _is_version(connection: Connection, corpus: str, name: str) -> bool:
    versions = {"used": sql.Identifier(corpus), "other": sql.Identifier(name)}
    row = connection.execute(
        statement("is_version_of").format(**versions), {"suffix": name.removeprefix(corpus)}
    ).fetchone()
    return row == (True,)


def tables_of(connection: Connection, corpus: str) -> tuple[str, ...]:
    """Our tables in a corpus's schema."""
    books = read_books(connection, corpus)
    return books.tables if books else ()


def views_of(connection: Connection, corpus: str) -> tuple[str, ...]:
    """Our views in a corpus's schema."""
    books = read_books(connection, corpus)
    return books.views if books else ()
