"""Connections to the database, and its errors in our words."""

from __future__ import annotations

import logging
import os
import re
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, cast

import psycopg
from psycopg import conninfo, errors
from psycopg.pq import TransactionStatus

from ingest.database.locks import share_version
from ingest.database.refusals import in_our_words
from ingest.database.session import keeps_session, open_session, waiting_at_most
from ingest.database.statements import names_corpus, statement
from ingest.database.vectors import register_arrays
from ingest.errors import StoppedError, UsageError
from ingest.redaction import learn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from psycopg import Transaction, sql

    from ingest.database.identity import Origin


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A session that is as we say it is.

    `corpus`: the schema that `{corpus}` in a statement means; None: none. `vector_schema`: where pgvector is; None: it
    is not there yet. `own_path`: the search path that the user has.

    `version`: which corpus of that name is meant, once something of it is held across transactions (ids of batches,
    documents and chunks; its model). A swap gives the name to another one: from then on no transaction touches that,
    as each first sees that the name still means this version, and keeps the name until its end. None: nothing is held.
    `cancels`: how often its sending was cancelled when the command began. `origin`: which database this is, once asked.
    `ef_search`: of hnsw, as it was set for its session; None: it was not.
    """

    corpus: str | None = None
    vector_schema: str | None = None
    own_path: str = ""
    version: UUID | None = None
    cancels: int = 0
    origin: Origin | None = None
    ef_search: int | None = None
    _is_checked = False

    def execute(self, query: Any, *args: Any, **options: Any) -> psycopg.Cursor[tuple[Any, ...]]:
        """Execute a statement; one on the corpus that is held, by itself, as a transaction.

        That takes 1.2 ms in place of 0.3, on the same machine: a batch has some dozens of those.
        """
        if self.version and self.info.transaction_status == TransactionStatus.IDLE and names_corpus(query):
            with self.transaction():
                return super().execute(query, *args, **options)
        return super().execute(query, *args, **options)

    def execute_alone(self, query: sql.Composed, wait_s: float = 0) -> None:
        """Execute what cannot be part of a transaction; that the name means this version is seen before.

        It waits for the transactions of others, behind which nobody waits: to their end, or `wait_s`.
        """
        with self.transaction():
            self.check_version(query)
        with waiting_at_most(self, wait_s):
            super().execute(query)

    @cached_property
    def queries(self) -> dict[object, bytes]:
        """Queries as they are sent, by what they were put together from: for who asks the same again and again."""
        return {}

    @contextmanager
    def transaction(self, savepoint_name: str | None = None, force_rollback: bool = False) -> Iterator[Transaction]:
        """A transaction, or a savepoint in one."""
        is_outermost = self.info.transaction_status == TransactionStatus.IDLE
        try:
            with super().transaction(savepoint_name, force_rollback) as transaction:
                yield transaction
        except BaseException:
            self._is_checked = False  # what a savepoint locked is free again
            raise
        finally:
            self._is_checked = self._is_checked and not is_outermost

    def check_version(self, query: object) -> None:
        """See, once a transaction, that the corpus is the version that is held, and keep it so until the end.

        Raises:
            StoppedError: it is another now, or gone.
        """
        if self.version is None or self.corpus is None or self._is_checked or not names_corpus(query):
            return
        self._is_checked = True
        cursor = psycopg.Cursor(self)
        share_version(cursor, self.corpus)
        try:
            found = cursor.execute(
                statement("read_corpus_id")
            ).fetchone()  # its name is looked up after the lock is had
        except errors.UndefinedTable:
            found = None
        if found != (self.version,):
            raise StoppedError(
                f"the corpus {self.corpus} is another version now, by a reembed, a rollback or a finish beside this "
                "command, which has touched nothing of that. Nothing is lost: run the same command again to go on."
            )


class _Checked(psycopg.Cursor[tuple[Any, ...]]):
    def execute(self, query: Any, *args: Any, **options: Any) -> Self:
        cast("Connection", self.connection).check_version(query)
        return super().execute(query, *args, **options)


class _CheckedServer(psycopg.ServerCursor[tuple[Any, ...]]):
    def execute(self, query: Any, *args: Any, **options: Any) -> Self:
        cast("Connection", self.connection).check_version(query)
        return super().execute(query, *args, **options)

    def close(self) -> None:
        try:
            super().close()
        except psycopg.Error:
            # Where the server went away meanwhile, psycopg leaves it open and warns; now there is nobody to tell.
            super().close()
            raise


# Of a pipeline that a lost connection ended psycopg warns on standard error: that is told in our words already.
logging.getLogger("psycopg").addHandler(logging.NullHandler())

_CONNECT_TIMEOUT_S = 10
_PORTS = re.compile(r"[\d,]*")
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_RESERVED = re.compile(r"pg_.*|information_schema|public")


def check_corpus_name(corpus: str) -> str:
    """The name of a corpus, which is the name of its schema.

    Raises:
        UsageError: it is no plain identifier, or PostgreSQL's own.
    """
    if not _IDENTIFIER.fullmatch(corpus) or _RESERVED.fullmatch(corpus):
        raise UsageError(
            f"{corpus!r} cannot name a corpus: use lower-case letters, digits and underscores, at most 63, "
            "not beginning with a digit or pg_, and not public."
        )
    return corpus


def connect(database_url: str, corpus: str | None) -> Connection:
    """A connection to a corpus, with nothing but PostgreSQL's own and the corpus on its search path. Autocommit.

    None in place of a corpus: with the user's own search path, for names that he gave.

    Raises:
        UsageError: the URL, the credentials or the database's name are wrong, its encoding is not UTF-8, or a pooler
            stands before it that keeps no sessions.
        UnreachableError: no server answers.
    """
    _check_readable(database_url)
    parts = _parts(database_url)
    public = [parts.get(name, "") for name in ("user", "host", "dbname")]
    learn(parts.get("password"), parts.get("sslpassword"), os.environ.get("PGPASSWORD"), public=public)
    with explained(database_url):
        connection = _open(database_url)
        try:
            _check_encoding(database_url, connection)
            _check_pooler(database_url, connection)
            learn(connection.info.password, public=public)  # from a file of passwords
            connection.corpus = corpus
            register_arrays(connection)
            open_session(connection)
        except BaseException:
            connection.close()
            raise
    return connection


def _open(database_url: str) -> Connection:
    try:
        connection = Connection.connect(
            database_url,
            autocommit=True,
            connect_timeout=_CONNECT_TIMEOUT_S,
            application_name="pgvector-ingest",
            client_encoding="UTF8",
            options=None,
            cursor_factory=_Checked,
        )
    except UnicodeError as error:
        raise UsageError(f"{_where(database_url)} has no name that can be looked up: {error}.") from None
    connection.server_cursor_factory = _CheckedServer
    return connection


def _check_encoding(database_url: str, connection: Connection) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise UsageError(
            f"{_where(database_url)} has the encoding {encoding}, which cannot hold every text: create a database with "
            "ENCODING 'UTF8' TEMPLATE template0, and name that one."
        )


def _check_pooler(database_url: str, connection: Connection) -> None:
    if not keeps_session(connection, lambda: _open(database_url)):
        raise UsageError(
            f"{_where(database_url)} is a pooler that gives each transaction another session (such as PgBouncer with "
            "pool_mode = transaction), and locks of ours must outlast a transaction: name the server itself, or the "
            "pooler's session port, in DATABASE_URL_DIRECT."
        )


@contextmanager
def explained(database_url: str, corpus: str = "") -> Iterator[None]:
    """Turn what the database refuses into an error of ours that says where and what to do."""
    try:
        yield
    except psycopg.Error as error:
        parts = _parts(database_url)
        taken = re.search(r"\brole=(\S+)", parts.get("options", ""))
        role = taken[1] if taken else parts.get("user") or os.environ.get("PGUSER")
        names = {"role": role, "database": parts.get("dbname"), "corpus": corpus}
        raise in_our_words(error, _where(database_url), names) from error


def _check_readable(database_url: str) -> None:
    """See that a URL is one, and that no part of a password is taken for its host or port: messages name those.

    Raises:
        UsageError: it is none; libpq's own words would quote it.
    """
    try:
        parts = conninfo.conninfo_to_dict(database_url)
    except psycopg.Error:
        parts = {"port": "none"}
    host, port, name = (str(parts.get(key) or "") for key in ("host", "port", "dbname"))
    if "@" in host[1:] or not _PORTS.fullmatch(port) or ("@" in name and "user" not in parts):
        raise UsageError(
            "the database URL cannot be read: it has the form postgresql://user:password@host:port/database, and in a "
            "password @ is written %40, / is %2F, % is %25."
        )


def _parts(database_url: str) -> dict[str, str]:
    try:
        return {name: str(value) for name, value in conninfo.conninfo_to_dict(database_url).items() if value}
    except psycopg.Error:
        return {}


def _where(database_url: str) -> str:
    """The server and the database, without the password."""
    parts = _parts(database_url)
    host, port = parts.get("host", "the local socket"), parts.get("port", 5432)
    return f"the database {parts.get('dbname', '')} at {host}:{port}".replace("  ", " ")
