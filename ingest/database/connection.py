"""Connections to the database, and its errors in our words."""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg
from psycopg import conninfo, errors, sql

from ingest.database.vectors import register_arrays
from ingest.errors import UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

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
    """A connection whose search path is the corpus's schema, then pgvector's; None: the user's own. Autocommit.

    Raises:
        UsageError: the URL, the credentials or the database's name are wrong.
        UnreachableError: no server answers.
    """
    _check_readable(database_url)
    with explained(database_url):
        connection: Connection = psycopg.connect(
            database_url,
            autocommit=True,
            connect_timeout=_CONNECT_TIMEOUT_S,
            application_name="pgvector-ingest",
            options=None,
        )
        register_arrays(connection)
        if corpus is None:
            return connection
        row = connection.execute(
            "SELECT nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'vector'"
        ).fetchone()
        schemas = dict.fromkeys([corpus, row[0] if row else "public", "public"])
        connection.execute(sql.SQL("SET search_path TO {}").format(sql.SQL(", ").join(map(sql.Identifier, schemas))))
    return connection


@contextmanager
def explained(database_url: str) -> Iterator[None]:
    """Turn what the database refuses into an error of ours that says where and what to do."""
    try:
        yield
    except (errors.InvalidPassword, errors.InvalidAuthorizationSpecification) as error:
        raise UsageError(
            f"{_where(database_url)} refuses us: {_first_line(error)}. Check the user and the password."
        ) from error
    except errors.InvalidCatalogName as error:
        raise UsageError(
            f"{_where(database_url)}: {_first_line(error)}. Create it, or name another database."
        ) from error
    except errors.InsufficientPrivilege as error:
        raise UsageError(
            f"{_where(database_url)}: {_first_line(error)}. The role needs CREATE on the database, and the extension "
            "vector must be there (a superuser runs CREATE EXTENSION vector once)."
        ) from error
    except errors.DiskFull as error:
        raise UnreachableError(
            f"{_where(database_url)} has no disk space left: {_first_line(error)}. Nothing is lost: free some, "
            "then run the same command again."
        ) from error
    except psycopg.ProgrammingError as error:
        raise UnreachableError(f"{_where(database_url)}: {_first_line(error)} ({error.sqlstate}).") from error
    except psycopg.OperationalError as error:
        text = str(error)
        if "password authentication failed" in text or re.search(r"(role|database) .* does not exist", text):
            raise UsageError(
                f"{_where(database_url)} refuses us: {_first_line(error)}. Check the user, the password and the "
                "database's name."
            ) from error
        raise UnreachableError(
            f"{_where(database_url)} is out of reach: {_first_line(error)}. Nothing is lost: when the server is "
            "back, run the same command again."
        ) from error
    except psycopg.Error as error:
        raise UnreachableError(
            f"{_where(database_url)}: {_first_line(error)} ({error.sqlstate}). Nothing is lost: mend it, then run "
            "the same command again."
        ) from error


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


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")


def _where(database_url: str) -> str:
    """The server and the database, without the password."""
    try:
        parts = conninfo.conninfo_to_dict(database_url)
    except psycopg.Error:
        return "the database"
    host, port = parts.get("host") or "the local socket", parts.get("port") or 5432
    return f"the database {parts.get('dbname') or ''} at {host}:{port}".replace("  ", " ")
