"""Several accounts, or projects, of one vendor as one provider: each batch is of one of them.

What an account but the first has is known by its name: `b@batch_1` is the batch `batch_1` of the account `b`. So
whoever has a batch's id knows whose it is, after any stop and on any machine. A new file goes to the account that has
least to do, as far as this process knows; a batch is created where its file is.
"""

from __future__ import annotations

import re
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    import numpy as np

    from ingest.provider.protocol import Account, Answer, Provider, RemoteBatch
    from ingest.provider.wire import HasEnded, Parameters

FIRST = ""
_ID = re.compile(r"([a-z][a-z0-9_-]{0,31})@(.+)", re.DOTALL)


class Accounts:
    """The providers of several accounts, by their names; the first has none."""

    def __init__(self, providers: Mapping[str, Provider]) -> None:
        self._providers = dict(providers)
        first = self._providers[FIRST]
        self.name, self.endpoint, self.wire = first.name, first.endpoint, first.wire
        self._load = dict.fromkeys(self._providers, 0)  # bytes of files whose batches have not ended
        self._sizes: dict[str, int] = {}
        self._files: dict[str, str] = {}  # by the batches that this process created of them

    def close(self) -> None:
        """Close the connections."""
        for provider in self._providers.values():
            provider.close()

    def upload(self, path: Path, filename: str) -> str:
        """Upload a batch input file to the account that has least to do."""
        name = min(self._load, key=self._load.__getitem__)
        file_id = _named(name, self._providers[name].upload(path, filename))
        self._sizes[file_id] = path.stat().st_size
        self._load[name] += self._sizes[file_id]
        return file_id

    def find_file(self, filename: str) -> str | None:
        """The id of an uploaded batch input file of that name, whichever account has it."""
        for name, provider in self._providers.items():
            if (found := provider.find_file(filename)) is not None:
                return _named(name, found)
        return None

    def input_files(self) -> Iterator[tuple[str, str]]:
        """The uploaded batch input files of all accounts: id and name."""
        for name, provider in self._providers.items():
            yield from ((_named(name, file_id), filename) for file_id, filename in provider.input_files())

    def create_batch(self, input_file_id: str, key: str, parameters: Parameters) -> RemoteBatch:
        """Create a batch where its file is."""
        name, provider, file_id = self._of(input_file_id)
        batch = _batch(name, provider.create_batch(file_id, key, parameters))
        self._files[batch.id] = input_file_id  # of which some vendors do not tell
        return batch

    def find_batch(self, key: str, input_file_id: str | None) -> RemoteBatch | None:
        """The batch that carries our key, or none and is of our file, whichever account has it."""
        whose, own_id = _parts(input_file_id) if input_file_id else (None, None)
        for name, provider in self._providers.items():
            if found := provider.find_batch(key, own_id if name == whose else None):
                return _batch(name, found)
        return None

    def batches(self) -> Iterator[RemoteBatch]:
        """The batches of all accounts, those of each newest first."""
        return chain.from_iterable(
            (_batch(name, batch) for batch in provider.batches()) for name, provider in self._providers.items()
        )

    def retrieve_batch(self, batch_id: str) -> RemoteBatch | None:
        """The batch as it is now; None where its account knows of no such batch."""
        name, provider, own_id = self._of(batch_id)
        found = provider.retrieve_batch(own_id)
        batch = found and _batch(name, found)
        if batch and batch.is_terminal:
            self._load[name] -= self._sizes.pop(self._files.pop(batch_id, batch.input_file_id), 0)
        return batch

    def cancel_batch(self, batch_id: str) -> None:
        """Ask its account to cancel a batch."""
        _, provider, own_id = self._of(batch_id)
        provider.cancel_batch(own_id)

    def download(self, file_id: str) -> Iterator[bytes]:
        """The content of a file, streamed."""
        _, provider, own_id = self._of(file_id)
        return provider.download(own_id)

    def file_size(self, file_id: str) -> int | None:
        """The size of a file in bytes, as its account tells it."""
        _, provider, own_id = self._of(file_id)
        return provider.file_size(own_id)

    def delete_file(self, file_id: str) -> None:
        """Delete a remote file; one that is gone already is no error."""
        _, provider, own_id = self._of(file_id)
        provider.delete_file(own_id)

    def embed(self, texts: Sequence[str], parameters: Parameters) -> np.ndarray:
        """Embed a few texts at once, by the first account."""
        return self._providers[FIRST].embed(texts, parameters)

    def answer(self, texts: Sequence[str], parameters: Parameters) -> Answer:
        """Embed an array of texts, by the first account."""
        return self._providers[FIRST].answer(texts, parameters)

    def count_tokens(self, text: str, parameters: Parameters) -> int | None:
        """The tokens of a text by the model's own count."""
        return self._providers[FIRST].count_tokens(text, parameters)

    def check(self) -> None:
        """Ask each account something that costs nothing."""
        for provider in self._providers.values():
            provider.check()

    def _of(self, named_id: str) -> tuple[str, Provider, str]:
        """Whose something is, and what it is called there."""
        name, own_id = _parts(named_id)
        if name not in self._providers:
            raise UsageError(
                f"{named_id} is of the account {name}, which the settings do not name: name it again under accounts."
            )
        return name, self._providers[name], own_id


@asynccontextmanager
async def looking_at_all(
    accounts: Mapping[str, Account], looking: Callable[[Account], AbstractAsyncContextManager[HasEnded]]
) -> AsyncIterator[HasEnded]:
    """What asks all accounts after their batches, in an event loop; one of an account that is not named has ended."""
    async with AsyncExitStack() as opened:
        looks = {name: await opened.enter_async_context(looking(account)) for name, account in accounts.items()}

        async def has_ended(batch_id: str) -> bool:
            name, own_id = _parts(batch_id)
            return name not in looks or await looks[name](own_id)

        yield has_ended


def _parts(named_id: str) -> tuple[str, str]:
    """An account's name, and what something is called there."""
    found = _ID.fullmatch(named_id)
    return (found[1], found[2]) if found else (FIRST, named_id)


def _named(name: str, own_id: str) -> str:
    return f"{name}@{own_id}" if name else own_id


def _batch(name: str, batch: RemoteBatch) -> RemoteBatch:
    """A batch whose ids tell the account."""

    def named(own_id: str | None) -> str | None:
        return own_id and _named(name, own_id)

    return replace(
        batch,
        id=_named(name, batch.id),
        input_file_id=named(batch.input_file_id) or "",
        output_file_id=named(batch.output_file_id),
        error_file_id=named(batch.error_file_id),
    )
