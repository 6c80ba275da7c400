"""A real Ray cluster of worker processes: the same corpus as without one, whoever dies on the way."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import psycopg
import pytest
from process_checks import eventually, is_gone, kill
from promises import CORPUS_FLAGS, check_promises, write_corpus

from ingest.batches.distributed import Share, load_share
from ingest.batches.records import open_batches
from ingest.chunker.chunking import Chunking
from ingest.database.locks import try_batch_lock
from ingest.documents import Task, read_and_chunk
from ingest.emulator import Fault
from ingest.engines.cluster import Cluster, call, ray_cluster
from ingest.errors import UnreachableError, UsageError
from ingest.runs import open_flow, stored_indexing
from ingest.sources.files import SourceFile, find_files
from ingest.sources.source import Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workshop import Outcome, Workshop

    from ingest.batches.reconcile import LoadReport
    from ingest.corpus.sync_report import SyncReport

# One cluster for all of them, not one in each of pytest's processes.
pytestmark = pytest.mark.xdist_group("ray")
needs_ray = pytest.mark.skipif(not find_spec("ray"), reason="Ray is not installed: pip install 'pgvector-ingest[ray]'")

# All that a sync and a load write, but for times and random keys.
TABLES = {
    "documents": "id, uri, title, metadata, source, source_version, content_hash",
    "chunks": "id, document_id, ordinal, content, headings, token_count, context_headings, text_hash, superseded, "
    "embedding::text",
    "requests": "chunk_id, text_hash, token_count, batch_id, attempts, failed, error_code, error_message",
    "batches": "id, state, request_count, token_count, loaded_count, failed_count",
}


# Those that wait for a row or a lock.
WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"

# Those that asked for the lock of a batch, were refused, and have looked at it since.
# A worker that has looked at its batch, and has no lock.
REFUSED = (
    "SELECT pid FROM pg_stat_activity WHERE state = 'idle' AND datname = current_database() "
    "AND query = 'COMMIT' AND pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')"
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of our own, with a worker process for each core, which this process is connected to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))  # where Ray keeps the cluster's token
        patch.delenv("RAY_ADDRESS", raising=False)
        handler = signal.getsignal(signal.SIGTERM)
        with ray_cluster() as engine:
            assert isinstance(engine, Cluster)
            assert signal.getsignal(signal.SIGTERM) is handler
            yield engine
            folder = Path(session_folder()).parent
        assert not folder.exists()


def session_folder() -> str:
    """Where the cluster has its logs and all else."""
    import ray

    folder: str = ray._private.worker._global_node.get_session_dir_path()
    return folder


def own_processes() -> list[psutil.Process]:
    """The processes of the cluster."""
    return psutil.Process().children(recursive=True)


def at_work() -> list[psutil.Process]:
    """The workers that are at a call."""
    found = []
    for process in own_processes():
        try:
            found += [process] if "".join(process.cmdline()).startswith("ray::call") else []
        except psutil.NoSuchProcess:
            continue
    return found


def stored(workshop: Workshop, corpus: str) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in a corpus."""
    return {
        table: workshop.query(f"SELECT {columns} FROM {corpus}.{table} ORDER BY 1") for table, columns in TABLES.items()
    }


def age(workshop: Workshop) -> None:
    """Let no file be so new that it may change unseen."""
    for path in workshop.folder.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))


def write_text(workshop: Workshop, name: str, seed: int, paragraphs: int) -> None:
    """A document of made-up words, with a heading here and there."""
    words = random.Random(seed)
    text = "\n\n".join(
        ("# " * (number % 7 == 0)) + " ".join(f"word{words.randrange(5000)}" for _ in range(60))
        for number in range(paragraphs)
    )
    workshop.write(name, text)


@needs_ray
def test_a_cluster_of_our_own_listens_on_the_loopback_only(cluster: Cluster) -> None:
    assert cluster.ahead_parcels >= 4
    listening = [
        connection.laddr.ip
        for process in own_processes()
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]

    assert len(listening) > 3
    assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


@needs_ray
@pytest.mark.usefixtures("cluster")
def test_a_corpus_is_the_same_bit_for_bit_from_a_cluster(workshop: Workshop) -> None:
    for number in range(150):
        write_text(workshop, f"{number % 7}/{number}.md", number, 1 + number % 9)
    write_text(workshop, "large.txt", 1000, 3000)  # larger than a parcel
    workshop.write("same.md", "the same words")
    workshop.write("the same again.md", "the same words")
    (workshop.folder / "binary.bin").write_bytes(b"\0\1")
    reports: list[SyncReport] = []

    def sync_both() -> None:
        reports.clear()
        for corpus, engine in (("here", "local"), ("there", "ray")):
            with workshop.pipeline(corpus=corpus, engine=engine) as pipeline:
                reports.append(pipeline.sync([str(workshop.folder)]))

    age(workshop)
    sync_both()
    first = stored(workshop, "here")
    assert reports[0] == reports[1]
    assert stored(workshop, "there") == first
    assert len(first["documents"]) == 153
    assert reports[0].skipped_binary == 1

    write_text(workshop, "0/0.md", 2000, 3)
    (workshop.folder / "1" / "1.md").unlink()
    (workshop.folder / "2" / "2.md").rename(workshop.folder / "moved.md")
    age(workshop)
    sync_both()

    assert reports[0] == reports[1]
    assert (reports[0].documents_changed, reports[0].documents_gone, reports[0].documents_moved) == (1, 1, 1)
    assert stored(workshop, "there") == stored(workshop, "here") != first


@needs_ray
@pytest.mark.usefixtures("cluster")
def test_rows_of_a_table_are_the_same_from_a_cluster(workshop: Workshop) -> None:
    from ingest.sources.tables import Table

    with psycopg.connect(workshop.database_url) as connection:
        connection.execute(
            "CREATE TABLE articles AS SELECT id, repeat('Words of article ' || id || '. ', id) AS text "
            "FROM generate_series(1, 200) AS id"
        )
    for corpus, engine in (("here", "local"), ("there", "ray")):
        with workshop.pipeline(corpus=corpus, engine=engine) as pipeline:
            pipeline.sync(Table("public.articles"))

    assert len(stored(workshop, "here")["documents"]) == 200
    assert stored(workshop, "there") == stored(workshop, "here")


@needs_ray
@pytest.mark.usefixtures("cluster")
def test_a_worker_that_is_killed_while_it_chunks_loses_nothing(workshop: Workshop) -> None:
    for number in range(8):
        write_text(workshop, f"{number}.txt", number, 2000)
    age(workshop)
    killed: list[int] = []

    def kill_one() -> None:
        deadline = time.monotonic() + 60
        while not killed and time.monotonic() < deadline:
            for process in at_work()[:1]:
                kill(process)
                killed.append(process.pid)
            time.sleep(0.01)

    killer = threading.Thread(target=kill_one)
    killer.start()
    with workshop.pipeline(corpus="there", engine="ray") as pipeline:
        pipeline.sync([str(workshop.folder)])
    killer.join()
    with workshop.pipeline(corpus="here") as pipeline:
        pipeline.sync([str(workshop.folder)])

    assert killed
    assert stored(workshop, "there") == stored(workshop, "here")


@needs_ray
def test_workers_that_die_of_one_thing_again_and_again_end_the_run(cluster: Cluster) -> None:
    deadly = cluster.begin(signal.raise_signal, signal.SIGKILL, 1)

    with pytest.raises(UnreachableError, match=r"the Ray cluster failed .*run the same command again"):
        deadly.result()
    assert cluster.begin(abs, -1, 1).result() == 1


@needs_ray
def test_what_a_call_raises_is_raised_here(cluster: Cluster) -> None:
    with pytest.raises(ZeroDivisionError):
        cluster.begin((1).__floordiv__, 0, 1).result()


@needs_ray
def test_a_document_that_takes_a_worker_of_ray_too_long_is_told(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("many words\n" * 50_000)
    (file,) = (found for found in find_files([str(tmp_path)]) if isinstance(found, SourceFile))
    hurried = Chunking(
        "cl100k_base", 128, 0, embed_headings=False, max_document_bytes=1_000_000, max_document_seconds=0.001
    )
    (ended,) = cluster.begin(partial(read_and_chunk, hurried), [Task(file, None, None)], file.size).result()

    assert ended == Skipped(str(tmp_path / "a.txt"), "takes more than 0.001 s to chunk")


def finished_batches(workshop: Workshop, corpus: str) -> None:
    """Three batches of a corpus, which are done at the provider."""
    write_corpus(workshop)
    age(workshop)
    with workshop.pipeline(**CORPUS_FLAGS, corpus=corpus) as pipeline:
        pipeline.sync([str(workshop.folder)])
        assert len(pipeline.submit()) == 3
        flow = open_flow(pipeline, stored_indexing(pipeline))

        def are_finished() -> bool:
            flow.poll()
            return all(batch.state == "finished" for batch in open_batches(flow.connection))

        eventually(are_finished)


@needs_ray
@pytest.mark.usefixtures("cluster")
def test_batches_are_loaded_by_workers_as_they_are_here(workshop: Workshop) -> None:
    reports = []
    for corpus, engine in (("corpus", "ray"), ("here", "local")):
        finished_batches(workshop, corpus)
        with workshop.pipeline(**CORPUS_FLAGS, corpus=corpus, engine=engine) as pipeline:
            reports.append(pipeline.load())
        if engine == "ray":
            check_promises(workshop)

    assert reports[0] == reports[1]
    assert (reports[0].loaded, reports[0].batches) == (11, 3)
    assert stored(workshop, "corpus") == stored(workshop, "here")


@needs_ray
@pytest.mark.usefixtures("cluster")
def test_a_whole_run_goes_by_the_workers(workshop: Workshop) -> None:
    write_corpus(workshop)
    with workshop.pipeline(**CORPUS_FLAGS, engine="ray") as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert report.load.loaded == 11
    check_promises(workshop)


@needs_ray
@pytest.mark.usefixtures("cluster")
def test_one_bad_batch_holds_up_none_of_those_that_workers_load(workshop: Workshop) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault("broken_content", count=1))

    with workshop.pipeline(**CORPUS_FLAGS, engine="ray") as pipeline:
        with pytest.raises(UnreachableError, match="got no further"):
            pipeline.run([str(workshop.folder)])
        there = workshop.query("SELECT count(embedding) FROM chunks")
        workshop.emulator.set_faults()
        report = pipeline.run([str(workshop.folder)])

    assert there in ([(7,)], [(8,)])
    assert report.failures == []
    check_promises(workshop)


@needs_ray
@pytest.mark.usefixtures("cluster")
def test_a_worker_that_is_killed_in_the_middle_of_a_file_loses_nothing(workshop: Workshop) -> None:
    finished_batches(workshop, "corpus")
    reports: list[LoadReport] = []

    def load() -> None:
        with workshop.pipeline(**CORPUS_FLAGS, engine="ray") as pipeline:
            reports.append(pipeline.load())

    loading = threading.Thread(target=load)
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute("SELECT id FROM corpus.chunks ORDER BY id LIMIT 1 FOR UPDATE")  # whoever comes to it waits
        loading.start()
        eventually(lambda: bool(workshop.query(WAITING)))
        killed = at_work()
        kill(*killed)
        for worker in killed:
            eventually(partial(is_gone, worker))
    loading.join()

    assert killed
    assert 0 < reports[0].loaded <= 11  # what a worker loaded just before it was killed, it could not tell
    check_promises(workshop)


def test_a_batch_is_waited_for_while_a_worker_that_died_still_holds_its_lock(workshop: Workshop) -> None:
    finished_batches(workshop, "corpus")
    reports: list[LoadReport] = []
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        flow = open_flow(pipeline, stored_indexing(pipeline))
        batch = open_batches(flow.connection)[0]
        share = Share(
            batch,
            workshop.database_url,
            "corpus",
            flow.indexing,
            pipeline.account,
            pipeline.settings,
            flow.folder,
            flow.connection.version,
        )
        loading = threading.Thread(target=lambda: reports.append(load_share(share)))
        with try_batch_lock(flow.connection, "corpus", batch.id) as held:
            loading.start()
            eventually(lambda: bool(workshop.query(REFUSED)) or not loading.is_alive())
        loading.join()

    assert held
    assert (reports[0].loaded, reports[0].batches) == (4, 1)
    assert pipeline.account.key not in repr(share)
    assert workshop.database_url not in repr(share)


@needs_ray
@pytest.mark.usefixtures("cluster")
def test_the_key_is_in_no_file_of_ray(workshop: Workshop) -> None:
    finished_batches(workshop, "corpus")
    with workshop.pipeline(**CORPUS_FLAGS, engine="ray") as pipeline:
        pipeline.load()
    files = [path for path in Path(session_folder()).rglob("*") if path.is_file()]

    assert len(files) > 5
    assert [path for path in files if workshop.emulator.api_key.encode() in path.read_bytes()] == []


def test_a_worker_with_another_version_is_refused() -> None:
    with pytest.raises(UsageError, match=r"has pgvector-ingest .*: install 0\.0\.0"):
        call("0.0.0", abs, -1)


@needs_ray
def test_a_cluster_that_does_not_answer_is_named(workshop: Workshop, ingest: Callable[..., Outcome]) -> None:
    path = workshop.write("a.md", "words")
    environment = {"RAY_ADDRESS": "127.0.0.1:9", "DATABASE_URL": workshop.database_url}
    outcome = ingest("sync", path, "--engine", "ray", "--provider", "local", environment=environment)

    assert outcome.status == 3
    assert "no Ray cluster at 127.0.0.1:9" in outcome.err


def test_without_ray_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(UsageError, match=r"pip install 'pgvector-ingest\[ray\]'"), ray_cluster():
        pass
