"""What goes on at the same time: shards written, batches at work, files fetched, vectors loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from preloaded import outcome, start
from process_checks import eventually
from promises import CORPUS_FLAGS, check_promises, write_corpus

from ingest.batches.prefetch import fetched_ahead
from ingest.batches.records import open_batches
from ingest.database.connection import connect
from ingest.database.locks import try_batch_lock
from ingest.errors import UnreachableError
from ingest.runs import open_corpus, open_flow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workshop import Workshop

    from ingest.batches.records import Batch
    from ingest.provider import Provider


def test_a_shard_is_sent_before_the_next_is_written(workshop: Workshop) -> None:
    write_corpus(workshop)
    flags = workshop.flags | CORPUS_FLAGS

    killed = outcome(start("run", flags, [str(workshop.folder)], "shard-written:2", quiet=True))

    assert killed == -9
    assert workshop.query("SELECT provider_batch_id IS NOT NULL FROM batches") == [(True,)]
    assert outcome(start("run", flags, [str(workshop.folder)])) == 0
    check_promises(workshop)


@pytest.fixture
def finished(workshop: Workshop) -> Iterator[tuple[Provider, list[Batch], Path]]:
    """Three batches that have ended, the provider that has their files, and a folder for them."""
    write_corpus(workshop)
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.sync([str(workshop.folder)])
        pipeline.submit()
        flow = open_flow(pipeline, open_corpus(pipeline))

        def all_ended() -> bool:
            flow.poll()
            return all(batch.state == "finished" for batch in open_batches(flow.connection))

        eventually(all_ended)
        yield flow.provider, open_batches(flow.connection), flow.folder


def test_the_files_of_the_next_batch_come_while_one_is_loaded_and_no_others(
    workshop: Workshop, finished: tuple[Provider, list[Batch], Path]
) -> None:
    provider, batches, folder = finished

    def is_fetched(batch: Batch) -> bool:
        return (folder / f"{batch.key}.jsonl.output").exists()

    with connect(workshop.database_url, "corpus") as connection:
        held = fetched_ahead(connection, "corpus", provider, batches, folder)
        first, fetching = next(held)
        fetching()
        eventually(lambda: is_fetched(batches[1]))

        assert first == batches[0]
        assert list(map(is_fetched, batches)) == [True, True, False]
        assert [batch for batch, _ in held] == batches[1:]


def test_a_batch_that_another_process_has_is_not_fetched(
    workshop: Workshop, finished: tuple[Provider, list[Batch], Path]
) -> None:
    provider, batches, folder = finished

    with (
        connect(workshop.database_url, "corpus") as other,
        connect(workshop.database_url, "corpus") as connection,
        try_batch_lock(other, "corpus", batches[1].id),
    ):
        held = [batch for batch, _ in fetched_ahead(connection, "corpus", provider, batches, folder)]
        with try_batch_lock(other, "corpus", batches[0].id) as is_free_again:
            pass

    assert held == [batches[0], batches[2]]
    assert is_free_again


def test_what_a_download_came_to_is_told_where_its_batch_is_loaded(
    workshop: Workshop, finished: tuple[Provider, list[Batch], Path]
) -> None:
    provider, batches, folder = finished
    blocked = folder / f"{batches[1].key}.jsonl.output"
    blocked.mkdir(parents=True)

    with connect(workshop.database_url, "corpus") as connection:
        held = fetched_ahead(connection, "corpus", provider, batches, folder)
        _, first = next(held)
        _, second = next(held)

        assert first().paths == [folder / f"{batches[0].key}.jsonl.output"]
        with pytest.raises(UnreachableError, match="cannot be written"):
            second()
        held.close()
