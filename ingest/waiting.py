"""Waiting for batches in an event loop, without a worker or a thread: what triggers and sensors of schedulers do."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection
    from contextlib import AbstractAsyncContextManager

    from ingest.provider import HasEnded
    from ingest.settings import Settings

_MOST_AT_ONCE = 8
_TIMEOUT_S = 30.0


async def ended(
    batch_ids: Collection[str], *, settings: Settings | None = None, poll_s: float = 60.0, longest_s: float = 3600.0
) -> list[str]:
    """Those of these batches that have ended, by the provider's names, as soon as one has; none after `longest_s`.

    The provider is asked every `poll_s` seconds, by GETs alone. Where the settings name a database, what a webhook
    tells there ends the wait at once. A provider or a database that is away for a while does not end it. A batch that
    the provider does not know counts as ended: the next round finds out what became of it. Without batches it is over
    at once.

    Raises:
        UsageError: the settings name no provider that can be asked, or it refuses the key.
    """
    given, asking = await asyncio.to_thread(_opened, settings)  # with what is imported, a second and more
    if asking is None or not batch_ids:
        return list(batch_ids)
    deadline_s = asyncio.get_running_loop().time() + longest_s
    async with asking as has_ended, _news(given, frozenset(batch_ids)) as news:
        while True:
            if found := await _look(has_ended, batch_ids):
                return found
            left_s = deadline_s - asyncio.get_running_loop().time()
            if left_s <= 0:
                return []
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), min(poll_s, left_s))
            news.clear()


def _opened(settings: Settings | None) -> tuple[Settings, AbstractAsyncContextManager[HasEnded] | None]:
    """The settings, and what asks the provider; None for our own, whose batches end with the round that sends them."""
    from ingest.provider import looking
    from ingest.runs import Resources
    from ingest.settings import Settings

    settings = settings or Settings()
    with Resources(settings) as resources:
        return settings, None if resources.is_local else looking(resources.account)


async def _look(has_ended: HasEnded, batch_ids: Collection[str]) -> list[str]:
    """Which of them have ended."""
    at_once = asyncio.Semaphore(_MOST_AT_ONCE)

    async def look(batch_id: str) -> bool:
        async with at_once:
            return await has_ended(batch_id)

    answers = await asyncio.gather(*map(look, batch_ids))
    return [batch_id for batch_id, has in zip(batch_ids, answers, strict=True) if has]


@asynccontextmanager
async def _news(settings: Settings, batch_ids: frozenset[str]) -> AsyncIterator[asyncio.Event]:
    """Is set when the database of the settings, where they name one, has news of one of these batches."""
    told = asyncio.Event()
    if settings.database_url is None:
        yield told
        return
    listening = asyncio.create_task(_listen(settings.database_url.get_secret_value(), batch_ids, told))
    try:
        yield told
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening


async def _listen(database_url: str, batch_ids: frozenset[str], told: asyncio.Event) -> None:
    import psycopg

    from ingest.database.statements import statement

    while True:
        with suppress(psycopg.Error):  # it is the quicker way, and not the only one
            async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
                await connection.execute(statement("listen_to_batches"))
                async for each in connection.notifies():
                    if each.payload in batch_ids:
                        told.set()
        await asyncio.sleep(_TIMEOUT_S)
