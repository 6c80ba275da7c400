"""Duplicates: two batches at the provider that bear one key of ours, because something between repeated a creation.

Gateways do so by themselves when an answer is late. The batch whose id we hold is polled; the other is noted,
cancelled, and what it was billed by then is told in the ledger. Lists are asked for when batches were created.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from ingest.database.identity import this_database
from ingest.database.statements import statement
from ingest.errors import UnreachableError, UsageError
from ingest.failpoints import reach
from ingest.provider import KEY_METADATA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ingest.database.connection import Connection
    from ingest.provider import Provider, RemoteBatch

_MOST_LISTED = 2_000  # the batches that OpenAI takes in an hour
_LISTED_AFTER = 100  # the last of ours: a duplicate is no more than some minutes older


def find_duplicates(connection: Connection, provider: Provider, say: Callable[[str], None]) -> int:
    """Look through the provider's list for duplicates of our batches, and note them; how many.

    A list that cannot be had is looked through another time.
    """
    rows = connection.execute(statement("list_created_batches"), {"endpoint": provider.endpoint}).fetchall()
    ours = [row[:4] for row in rows if this_database(connection).is_same(row[4])]
    if not ours:
        return 0
    by_key = {key: (batch_id, known) for batch_id, key, _, known in ours}
    by_file = {file: (batch_id, known) for batch_id, _, file, known in ours if file}
    found = 0
    try:
        for remote in _recent(provider.batches(), {known for *_, known in ours}):
            key = remote.metadata.get(KEY_METADATA)
            batch_id, known = (by_key.get(key) if key else by_file.get(remote.input_file_id)) or (0, remote.id)
            if known == remote.id or remote.status == "failed":
                continue
            noted = {"provider_batch_id": remote.id, "batch_id": batch_id}
            if connection.execute(statement("insert_duplicate"), noted).fetchone():
                found += 1
                say(
                    f"batch {batch_id} was created twice at the provider, as {known} and as {remote.id}: something in "
                    "between repeats calls (docs/providers.md). The second is cancelled; `ingest cost` tells its bill"
                )
    except (UnreachableError, UsageError):
        pass
    return found


def _recent(batches: Iterable[RemoteBatch], known: set[str]) -> Iterator[RemoteBatch]:
    """The list, newest first, until all that is known was seen, and a little on."""
    listed = islice(batches, _MOST_LISTED)
    unseen = set(known)
    for batch in listed:
        yield batch
        unseen.discard(batch.id)
        if not unseen:
            break
    yield from islice(listed, _LISTED_AFTER)


def has_duplicates(connection: Connection, endpoint: str) -> bool:
    """Whether any is not over yet."""
    return bool(_open(connection, endpoint))


def poll_duplicates(connection: Connection, provider: Provider, say: Callable[[str], None]) -> None:
    """Cancel the duplicates, and put into the ledger what those were billed that are over."""
    for provider_batch_id, batch_id, is_asked in _open(connection, provider.endpoint):
        try:
            remote = provider.retrieve_batch(provider_batch_id)
            if remote and not remote.is_terminal and not is_asked:
                provider.cancel_batch(provider_batch_id)
                reach("cancel-asked")
                connection.execute(statement("ask_duplicate_cancel"), {"provider_batch_id": provider_batch_id})
        except (UnreachableError, UsageError):
            continue  # it is one too many: nothing waits for it
        if remote is None or remote.is_terminal:
            tokens = _end(connection, provider_batch_id, remote)
            if tokens is not None:
                say(f"{provider_batch_id}, beside batch {batch_id}, was billed {tokens:,} tokens, wasted")


def _end(connection: Connection, provider_batch_id: str, remote: RemoteBatch | None) -> int | None:
    """Note that a duplicate is over; the tokens that it was billed, None where that was noted before."""
    files = [file for file in (remote.output_file_id, remote.error_file_id) if file] if remote else []
    row = connection.execute(
        statement("end_duplicate"),
        {
            "provider_batch_id": provider_batch_id,
            "file_ids": files,
            "reported_tokens": remote.billed_tokens if remote else 0,
            "share": remote.completed / max(remote.total, 1) if remote else 0.0,
        },
    ).fetchone()
    return row[0] if row else None


def _open(connection: Connection, endpoint: str) -> list[tuple[str, int, bool]]:
    rows = connection.execute(statement("list_open_duplicates"), {"endpoint": endpoint}).fetchall()
    return [row[:3] for row in rows if this_database(connection).is_same(row[3])]
