"""OpenRouter's batches bear no key of ours: by what one is found again, and when it is not told apart."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from ingest.emulator import Fault, RunningEmulator, running
from ingest.errors import UnreachableError, UsageError
from ingest.provider import Account, InputMissingError, Parameters, open_provider
from ingest.provider.http import Http, bearer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.provider import Provider, RemoteBatch

PARAMETERS = Parameters("text-embedding-3-small", 64)


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[RunningEmulator]:
    with running(tmp_path / "emulator", dialect="openrouter") as emulator:
        yield emulator


@pytest.fixture
def account(emulator: RunningEmulator) -> Account:
    return Account("openrouter", emulator.base_url, emulator.api_key)


@pytest.fixture
def provider(account: Account) -> Iterator[Provider]:
    with closing(open_provider(account)) as provider:
        yield provider


def shard(tmp_path: Path, provider: Provider, name: str, count: int = 3) -> Path:
    """A file of requests."""
    write_line = provider.wire.writer(PARAMETERS)
    path = tmp_path / f"{name}.jsonl"
    path.write_bytes(b"".join(write_line(f"{number}-{name}", f"{name} {number}") for number in range(count)))
    return path


def looked_up(account: Account, key: str, input_file_id: str) -> RemoteBatch | None:
    """What another process finds, which knows of this one what the database does."""
    with closing(open_provider(account)) as provider:
        return provider.find_batch(key, input_file_id)


def test_a_batch_under_way_is_found_among_those_that_came_after(
    tmp_path: Path, emulator: RunningEmulator, provider: Provider, account: Account
) -> None:
    emulator.set_faults(Fault("stuck_in_progress"))
    before = provider.upload(shard(tmp_path, provider, "before"), "")
    provider.create_batch(before, "before", PARAMETERS)
    kept = provider.upload(shard(tmp_path, provider, "ours"), "")
    other = provider.upload(shard(tmp_path, provider, "other", count=2), "")
    provider.create_batch(other, "other", PARAMETERS)

    nothing = looked_up(account, "ours", kept)
    created = provider.create_batch(kept, "ours", PARAMETERS)
    found = looked_up(account, "ours", kept)

    assert nothing is None
    assert found is not None
    assert found.id == created.id


def test_of_several_that_may_be_ours_the_one_with_our_results_is(
    tmp_path: Path, emulator: RunningEmulator, provider: Provider, account: Account
) -> None:
    emulator.set_faults(Fault("stuck_in_progress"))
    kept = provider.upload(shard(tmp_path, provider, "ours"), "")
    created = provider.create_batch(kept, "ours", PARAMETERS)
    others = provider.upload(shard(tmp_path, provider, "others"), "")
    provider.create_batch(others, "others", PARAMETERS)

    with pytest.raises(UnreachableError, match="each of 2 batches of 3 requests may be ours"):
        looked_up(account, "ours", kept)
    emulator.set_faults()
    while any(not batch.is_terminal for batch in provider.batches()):
        pass
    found = looked_up(account, "ours", kept)

    assert found is not None
    assert found.id == created.id


def test_a_file_that_is_not_there_as_it_was_is_written_again(tmp_path: Path, provider: Provider) -> None:
    path = shard(tmp_path, provider, "ours")
    kept = provider.upload(path, "")

    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputMissingError):
        provider.create_batch(kept, "ours", PARAMETERS)
    path.unlink()
    with pytest.raises(InputMissingError):
        provider.create_batch(kept, "ours", PARAMETERS)


def test_results_are_lines_and_are_deleted_with_their_batch(tmp_path: Path, provider: Provider) -> None:
    kept = provider.upload(shard(tmp_path, provider, "ours"), "")
    batch: Any = provider.create_batch(kept, "ours", PARAMETERS)
    while not batch.is_terminal:
        batch = provider.retrieve_batch(batch.id)

    size = provider.file_size(batch.output_file_id)
    content = b"".join(provider.download(batch.output_file_id))
    again = b"".join(provider.download(batch.output_file_id))
    provider.delete_file(kept)
    provider.delete_file(batch.output_file_id)
    provider.delete_file(batch.output_file_id)

    assert content == again
    assert len(content) == size
    results: list[Any] = [provider.wire.parse(line) for line in content.splitlines()]
    assert sorted(result.custom_id for result in results) == ["0-ours", "1-ours", "2-ours"]
    assert provider.retrieve_batch(batch.id) is None


FIRST = {"endpoint": "/v1/embeddings", "model": "openai/text-embedding-3-small"}
REQUESTS = {"requests": [{"custom_id": "1", "body": {"input": "x"}}]}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (REQUESTS | FIRST, "before"),
        (FIRST | {"metadata": {}} | REQUESTS, "Unrecognized key: metadata"),
        (FIRST | {"model": "none"} | REQUESTS, "does not have a :batch endpoint"),
        (FIRST | {"requests": []}, "some requests"),
    ],
)
def test_the_dialect_refuses_what_the_api_does(account: Account, body: dict[str, object], words: str) -> None:
    with closing(Http(account, bearer(account))) as http, pytest.raises(UsageError, match=words), http.explained():
        http.change("POST", "batches", msgspec.Raw, body)
