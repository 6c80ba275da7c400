"""Another tenant's things in `public`, named like PostgreSQL's, pgvector's and ours: whatever is called is noted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import ingest
from ingest.database.statements import SQL

if TYPE_CHECKING:
    from hostile.story import World

_SOURCES = Path(ingest.__file__).parent
_TYPES = (
    "text varchar name bytea bool int2 int4 int8 float4 float8 numeric oid uuid jsonb regclass timestamptz interval "
    "text[] int4[] int8[] bytea[] float4[] name[]"
)
# Each notes its call in a sequence too: that is not rolled back with the transaction it was called in.
_SET_UP = """
    DO $$ BEGIN CREATE ROLE mallory; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
    CREATE SCHEMA IF NOT EXISTS {traps};
    GRANT USAGE, CREATE ON SCHEMA {traps} TO mallory;
    GRANT USAGE ON SCHEMA {traps}, {vector} TO PUBLIC;
    CREATE SEQUENCE {traps}.calls;
    CREATE TABLE {traps}.caught (what text);
    GRANT ALL ON {traps}.calls, {traps}.caught TO PUBLIC;
    SET trap.functions TO '{functions}';
    SET trap.types TO '{types}';
    SET SESSION AUTHORIZATION mallory;
"""


def statements(traps: str, vector: str) -> str:
    """What sets the traps in a schema, as another role who may CREATE there; pgvector is in the schema `vector`."""
    text = _SET_UP + Path(__file__).with_name("traps.sql").read_text()
    parts = {"traps": traps, "vector": vector, "functions": _called(), "types": _TYPES}
    return re.sub(r"\{(\w+)\}", lambda part: parts[part[1]], text)


def plant(world: World) -> None:
    """Set the traps in `public`; then tables like ours, with rows that a statement gone astray would find."""
    world.change(statements("public", "extensions"))
    for (name,) in world.look("SELECT tablename FROM pg_tables WHERE schemaname = 'shape'"):
        world.change(f"CREATE TABLE public.{name} AS TABLE shape.{name}", f"ALTER TABLE public.{name} OWNER TO mallory")


def _called() -> str:
    """Every word of ours that a parenthesis follows; some are functions."""
    text = "".join(path.read_text() for path in [*SQL.rglob("*.sql"), *_SOURCES.rglob("*.py")])
    return " ".join(sorted(set(re.findall(r"\b([a-z][a-z_0-9]+)\s?\(", text))))


def are_untouched(world: World) -> None:
    """No trap was stepped into, and what stands in tables like ours stands there still."""
    caught = world.look("SELECT DISTINCT what FROM public.caught")
    assert caught == [], caught
    assert world.look("SELECT is_called FROM public.calls") == [(False,)]
    for (name,) in world.look("SELECT tablename FROM pg_tables WHERE schemaname = 'shape'"):
        mine, theirs = f"TABLE shape.{name}", f"TABLE public.{name}"
        assert world.look(f"({mine} EXCEPT ALL {theirs}) UNION ALL ({theirs} EXCEPT ALL {mine})") == [], name
