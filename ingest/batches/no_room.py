"""What becomes of a batch for which the provider had no room: it waits, or is cut smaller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.batches.budget import Refused, after_refusal
from ingest.batches.learned_limits import learn_limit, learn_ratio, learn_refused_size, read_learned
from ingest.batches.origin import is_foreign
from ingest.batches.records import MOST_TRIES, dissolve
from ingest.database.statements import statement
from ingest.failpoints import reach

if TYPE_CHECKING:
    from ingest.batches.backoff import Backoff
    from ingest.batches.records import Batch
    from ingest.database.connection import Connection

_MOST_PAUSES = 16  # the first pause, doubled with each refusal


def was_alone(connection: Connection, batch: Batch, backoff: Backoff) -> bool:
    """Whether nothing else of ours was at the provider when a batch was refused."""
    asked = {"id": batch.id, "grace_seconds": backoff.refused_s}
    return connection.execute(statement("was_alone"), asked).fetchone() == (True,)


def send_back(
    connection: Connection,
    batch: Batch,
    backoff: Backoff,
    words: str,
    *,
    key: str,
    by_itself: bool,
    limit: int | None = None,
    size: int | None = None,
) -> bool:
    """Learn what a refusal tells; the shard waits, or is cut smaller. False: its one text fails.

    `key`: of the batch that is created next from its file; `by_itself`: its own size may be the reason; `limit`,
    `size`: of what is enqueued, and of the batch, as the refusal names them.
    """
    reach("before-refused")
    with connection.transaction():
        if limit is not None:
            learn_limit(connection, batch.endpoint, batch.model, limit)
        if size is not None and by_itself:
            learn_ratio(connection, batch.endpoint, batch.model, batch.token_count, size)
        learned = read_learned(connection, batch.endpoint, batch.model)
        verdict = after_refusal(learned, batch.token_count, batch.request_count, by_itself=by_itself)
        # In a copy of its database it waits to be sent from there, or until a person says so.
        match Refused.WAITS if is_foreign(connection, batch) else verdict:
            case Refused.FAILS:
                return False
            case Refused.IS_CUT:
                if by_itself:
                    learn_refused_size(connection, batch.endpoint, batch.model, batch.token_count)
                dissolve(connection, batch, f"refused, and cut smaller: {words}")
            case Refused.WAITS:
                is_hopeless = by_itself and batch.refusals + 1 >= MOST_TRIES
                connection.execute(
                    statement("refuse_batch"),
                    {
                        "id": batch.id,
                        "key": key,
                        "message": words,
                        "tries": MOST_TRIES if is_hopeless else 0,
                        "wait_seconds": backoff.refused_s * min(2.0**batch.refusals, _MOST_PAUSES),
                    },
                )
    reach("after-refused")
    return True
