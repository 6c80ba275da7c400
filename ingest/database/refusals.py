"""What the database refuses, by its SQLSTATE: as which of our errors it is told, in which words, with which next step.

The states and their classes: PostgreSQL's manual, appendix A. Of PostgreSQL's own words the first line alone is passed
on: what is below it may quote a document.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from psycopg import OperationalError

from ingest.errors import IngestError, InternalError, UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg


class FullError(UnreachableError):
    """The database has no connection left for us, until others end theirs."""


class Refusal(NamedTuple):
    """`what`: what the database does; `advice`: what fixes it, in which {role} is who we are there."""

    kind: type[IngestError]
    what: str
    advice: str


_AGAIN = "Nothing is lost: run the same command again"
_THEN = "then run the same command again."
_FIX = f"Nothing is lost: fix it, {_THEN}"
_AWAY = Refusal(
    UnreachableError, "is out of reach", "Nothing is lost: when the server is back, run the same command again."
)
_OTHERS = Refusal(UnreachableError, "could not let us through beside others", f"{_AGAIN}.")
_FULL = Refusal(
    FullError,
    "has no connection left for us",
    f"{_AGAIN} when others have ended, or raise max_connections or the role's CONNECTION LIMIT.",
)
_WHO = Refusal(UsageError, "refuses us", "Check the user, the password and the database's name, and pg_hba.conf.")
_GONE = Refusal(UsageError, "is not there", "Create it, or name another database.")
_ALTERED = Refusal(
    UnreachableError,
    "is not as it was made",
    f"Was a table or a column renamed, altered or dropped, or pgvector? Nothing is lost: put it back, {_THEN}",
)
_OUR_FAULT = Refusal(InternalError, "refuses a statement of ours", "That is a fault of this program.")
_POOLED = Refusal(
    UsageError,
    "lost what the session had prepared, as a pooler in transaction mode does",
    "Name the server itself, or the pooler's port for whole sessions.",
)
_CODE = Refusal(
    UsageError,
    "refuses, by a function or trigger of its own",
    f"Nothing is lost: let it take what we write, or drop it, {_THEN}",
)
_LOST = Refusal(
    UsageError,
    "refuses, by a function or trigger of its own",
    "Nothing is lost: let it name what it uses with its schema, or give it a path of its own (ALTER FUNCTION … SET "
    f"search_path = …), {_THEN}",
)
_SHUT = Refusal(
    UsageError,
    "refuses us a right",
    "`ingest doctor` says which, and docs/grants.md lists what each command needs.",
)
_POLICY = Refusal(
    UsageError,
    "guards rows by a policy",
    "What writes a corpus has to see all of it: run as the owner of its tables, without FORCE (ALTER TABLE … NO FORCE "
    "ROW LEVEL SECURITY); `ingest search` may be anybody's. On a table of your own, write a policy that lets the role "
    "read and write those rows.",
)
_CONSTRAINT = Refusal(
    UsageError, "has a constraint that what we write breaks", f"Nothing is lost: drop it, or let it allow that, {_THEN}"
)
_TOOK_LONG = Refusal(
    UnreachableError, "ended a session or transaction of ours, by a time limit of its own", f"{_AGAIN}."
)
_CONTRADICTION = Refusal(
    InternalError,
    "contradicts itself in the books of the corpus",
    "Drop the constraint if it is one of yours; else that is a fault of this program.",
)

# By state, else by its first two letters, its class.
_REFUSALS: dict[str, Refusal] = {
    "08": _AWAY,
    "08P01": Refusal(
        UnreachableError,
        "did not understand us, or the pooler before it had no session left for us",
        f"{_AGAIN} when fewer commands run; or give the pooler up to four sessions for each of them (PgBouncer: "
        "default_pool_size), or name the server itself in DATABASE_URL_DIRECT.",
    ),
    "0A": Refusal(UsageError, "does not do that", "PostgreSQL 14 or newer and pgvector 0.7 or newer are needed."),
    "22": Refusal(UnreachableError, "does not take a value", _ALTERED.advice),
    "22021": Refusal(UsageError, "cannot hold a character", "Its encoding must be UTF8: make another database."),
    "22P05": Refusal(UsageError, "cannot hold a character", "Its encoding must be UTF8: make another database."),
    "23": _CONSTRAINT,
    "25": _OUR_FAULT,
    "25006": Refusal(
        UsageError,
        "takes no writes: it is a standby, or was made read-only (some hosts do when their disk is full)",
        "Nothing is lost: name the primary (of several hosts in the URL target_session_attrs=read-write finds it), "
        f"{_THEN}",
    ),
    "25P03": _TOOK_LONG,
    "25P04": _TOOK_LONG,
    "26": _POOLED,
    "28": _WHO,
    "2B": Refusal(UsageError, "keeps what others depend on", _FIX),
    "34": _POOLED,
    "38": _CODE,
    "39": _CODE,
    "3D": _GONE,
    "3F": _ALTERED,
    "40": _OTHERS,
    "42": _OUR_FAULT,
    "42501": _SHUT,
    "42703": _ALTERED,
    "42704": _ALTERED,
    "42804": _ALTERED,
    "42809": _ALTERED,
    "42883": _ALTERED,
    "42P01": _ALTERED,
    "42P05": _POOLED,
    "44": _CONSTRAINT,
    "53": Refusal(UnreachableError, "has not enough of something", _FIX),
    "53100": Refusal(
        UnreachableError,
        "has no disk space left",
        f"Nothing is lost: free some, {_THEN}",
    ),
    "53200": Refusal(
        UnreachableError,
        "has no memory left",
        f"{_AGAIN} when less is going on there; an index build takes the setting index_memory_mb.",
    ),
    "53300": _FULL,
    "53400": Refusal(
        UnreachableError,
        "has come to a limit of its configuration",
        f"Nothing is lost: raise it (temp_file_limit, say), {_THEN}",
    ),
    "54": Refusal(
        UsageError,
        "has no room for a value of that size or number",
        f"Nothing is lost: leave out what is so large (a key, a path), or the index that it does not fit in, {_THEN}",
    ),
    "55": Refusal(UnreachableError, "is not in a state for that", _FIX),
    "55P03": Refusal(
        UnreachableError,
        "has somebody else's lock in the way",
        f"{_AGAIN} when that transaction is over (pg_stat_activity shows it).",
    ),
    "55006": _OTHERS,
    "57": _AWAY,
    "57014": Refusal(
        UnreachableError, "cancelled a statement, for somebody who asked or by a time limit", f"{_AGAIN}."
    ),
    "57P04": _GONE,
    "57P05": _TOOK_LONG,
    "58": Refusal(UnreachableError, "cannot read or write files of its own", "See its log. " + _FIX),
    "72": _OTHERS,
    "F0": Refusal(UnreachableError, "cannot read its configuration", "See its log. " + _FIX),
    "P0": _CODE,
    "XX": Refusal(UnreachableError, "failed inside", "See its log. " + _FIX),
    "XX001": Refusal(
        UnreachableError,
        "finds its files damaged",
        "Save what is there before you write again; pg_amcheck tells how far it goes, a backup brings it back.",
    ),
    "XX002": Refusal(
        UnreachableError,
        "finds an index damaged",
        f"Nothing is lost: REINDEX it (pg_amcheck finds which), {_THEN}",
    ),
}
_UNKNOWN = Refusal(UnreachableError, "refuses", _FIX)

# A connection that is refused has no state, only words.
_AT_CONNECT: tuple[tuple[str, Refusal], ...] = (
    (r"password authentication failed|role .{1,70} does not exist|no pg_hba\.conf entry|not permitted to log in", _WHO),
    (r"no password supplied|does not support SSL|authentication failed|certificate", _WHO),
    (r"database .{1,70} does not exist", _GONE),
    (r"too many (clients|connections)|connection slots|max_client_conn", _FULL),
    (r"permission denied for database", _SHUT),
)

# What fixes a missing right: what PostgreSQL says, and the statement. {0} is the object. A name has 63 bytes at most:
# no end of one is looked for further away.
_GRANTS: tuple[tuple[str, str], ...] = (
    (r'to create temporary tables in database "(.{1,70})"', "GRANT TEMPORARY ON DATABASE {0} TO {role};"),
    (
        r'to create extension "(.{1,70})"',
        "GRANT CREATE ON DATABASE {database} TO {role}; or have a superuser run CREATE EXTENSION {0}; once.",
    ),
    (
        r'to set parameter "(session_replication_role)"',
        "Without foreign keys a corpus does not stay whole: ALTER ROLE {role} SET session_replication_role = origin;",
    ),
    (r'for database "?([^"]{1,70})"?\s{1,9}DETAIL: .{0,99}CONNECT', "GRANT CONNECT ON DATABASE {0} TO {role};"),
    (r'denied for database "?([^"]+)', "GRANT CREATE ON DATABASE {0} TO {role};"),
    (r"denied for schema (.+)", "GRANT CREATE, USAGE ON SCHEMA {0} TO {role}; to read what is in it USAGE is enough."),
    (
        r"denied for (?:table|view|materialized view|foreign table|column) (\S+)",
        "GRANT SELECT ON {0} TO {role}; to fill a column, UPDATE on it; to write a corpus, GRANT its owner TO {role}",
    ),
    (r"denied for (?:function|procedure) (.+)", "GRANT EXECUTE ON FUNCTION {0} TO {role};"),
    (r"must be owner of (?:\w{1,20} ){1,3}?(\S{1,140})$", "Be its owner: GRANT the role that owns {0} TO {role};"),
)


def in_our_words(error: psycopg.Error, where: str, names: Mapping[str, str | None]) -> IngestError:
    """An error of ours for one of the database's: what happened, where, and what to do next.

    `names`: the `role` and the `database` that we use, and the `corpus`, for what is to be run there.
    """
    found = _find(error, names.get("corpus") or "")
    advice = found.advice
    for name in ("role", "database"):
        advice = advice.replace(f"{{{name}}}", _quoted(names.get(name) or f"<{name}>"))
    return found.kind(f"{where} {found.what}: {first_line(error)}{_raised_by(error)}. {advice}")


def first_line(error: Exception) -> str:
    """What an error says, without what it quotes below."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")


def _find(error: psycopg.Error, corpus: str) -> Refusal:
    state, diag = error.sqlstate, error.diag
    if state is None:
        return _of_connection(error)
    found = _REFUSALS.get(state) or _REFUSALS.get(state[:2]) or _UNKNOWN
    if _function_of(error):
        found = {_ALTERED: _LOST, _OUR_FAULT: _CODE}.get(found, found)
    match state:
        case "42501" if "row-level security" in str(error):
            return _POLICY
        case "42501":
            return found._replace(advice=_grant(str(error)) or found.advice)
        case "55000" if diag.message_hint:  # of a replica identity that is missing, say
            return Refusal(UsageError, found.what, f"{diag.message_hint.rstrip('.')}. {found.advice}")
        case _ if found is _CONSTRAINT and (diag.schema_name or "").partition("__")[0] == corpus:
            return _CONTRADICTION
    return found


def _of_connection(error: psycopg.Error) -> Refusal:
    if not isinstance(error, OperationalError):  # psycopg's own: it was called wrongly
        return _OUR_FAULT
    said = str(error)
    found = next((refusal for words, refusal in _AT_CONNECT if re.search(words, said)), _AWAY)
    return found._replace(advice=_grant(said) or found.advice) if found is _SHUT else found


def _grant(said: str) -> str | None:
    """The statement that gives the right that is missing; None where PostgreSQL speaks another language."""
    for words, statement in _GRANTS:
        if found := re.search(words, said, re.MULTILINE):
            return statement.replace("{0}", _quoted(found[1]))
    return None


def _quoted(name: str) -> str:
    plain = re.fullmatch(r"[a-z_][a-z0-9_.$]*|<.*>", name)
    return name if plain else '"{}"'.format(name.replace('"', '""'))


def _raised_by(error: psycopg.Error) -> str:
    """Which table, or which function in the database, an error comes from."""
    diag = error.diag
    if diag.constraint_name:
        return f" (on {diag.schema_name}.{diag.table_name})"
    function = _function_of(error)
    return f" (in {function})" if function else ""


def _function_of(error: psycopg.Error) -> str | None:
    """The function in the database that an error comes from; those are others', as we make none."""
    function = re.search(r"(?:PL/\w+|SQL) function (\S{1,140}?\([^()]*+\))", error.diag.context or "")
    return function[1] if function else None
