"""A table of the user's own and the vectors in it, for tests of columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg

from ingest.emulator import hash_vectors
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from workshop import Workshop

ARTICLES = Table("articles", text="body", into="embedding")


def change(workshop: Workshop, statement: str, *parameters: object) -> None:
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute(statement.encode(), parameters)


def articles(workshop: Workshop, count: int = 5) -> None:
    change(workshop, "CREATE TABLE public.articles (id int PRIMARY KEY, body text)")
    change(workshop, "INSERT INTO articles SELECT n, 'About subject ' || n FROM generate_series(1, %s) n", count)


def vectors(workshop: Workshop, table: str = "public.articles") -> dict[Any, np.ndarray]:
    """Key to vector, of the rows that have one."""
    rows = workshop.query(f"SELECT id, embedding FROM {table} WHERE embedding IS NOT NULL")
    return {key: vector.to_numpy().astype(float) for key, vector in rows}


def are_of(workshop: Workshop, expected: dict[Any, str]) -> bool:
    """Whether just these rows have vectors, each that of its text."""
    found = vectors(workshop)
    texts = hash_vectors(list(expected.values()), "text-embedding-3-small", 64)
    return found.keys() == expected.keys() and all(
        np.allclose(found[key], vector, atol=1e-6) for key, vector in zip(expected, texts, strict=True)
    )
