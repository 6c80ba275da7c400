"""What a provider told of its limits and of how it counts, kept in the books by its address and the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.batches.budget import LEAST_RATIO, MOST_RATIO, Budget, Learned, budget_by
from ingest.database.statements import statement

if TYPE_CHECKING:
    from ingest.database.connection import Connection
    from ingest.settings import Settings


def read_learned(connection: Connection | None, endpoint: str, model: str) -> Learned:
    """What was learned; `connection`: None where there is no such corpus yet."""
    asked = {"endpoint": endpoint, "model": model}
    row = connection.execute(statement("read_learned"), asked).fetchone() if connection else None
    return Learned(*row) if row else Learned()


def known_budget(connection: Connection | None, settings: Settings, endpoint: str, model: str) -> Budget:
    """What the provider takes at once, by our count: as the settings say, and as it told lately."""
    return budget_by(settings, read_learned(connection, endpoint, model))


def learn_limit(connection: Connection, endpoint: str, model: str, enqueued_tokens: int) -> None:
    """A refusal named the limit, by the provider's count."""
    named = {"endpoint": endpoint, "model": model, "enqueued_tokens": enqueued_tokens}
    connection.execute(statement("learn_limit"), named)


def learn_refused_size(connection: Connection, endpoint: str, model: str, tokens: int) -> None:
    """A batch of so many tokens, by our count, was refused by itself."""
    connection.execute(statement("learn_refused_size"), {"endpoint": endpoint, "model": model, "tokens": tokens})


def learn_ratio(connection: Connection, endpoint: str, model: str, counted: int, billed: int) -> None:
    """Texts of so many tokens by our count have so many by the provider's, who is believed as far as that can be."""
    if counted > 0 and billed > 0:
        billed = min(max(billed, int(counted * LEAST_RATIO)), int(counted * MOST_RATIO))
        told = {"endpoint": endpoint, "model": model, "counted": counted, "billed": billed}
        connection.execute(statement("learn_ratio"), told)
