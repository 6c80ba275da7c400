"""A disk that is full, under the database or under the shard files: told in one line, and nothing is paid twice."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from contextlib import closing, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from process_checks import eventually, is_gone, postmaster, processes_in
from promises import CORPUS_FLAGS, check_promises, write_corpus

from ingest.database.embedded import embedded_server
from ingest.emulator import Fault
from ingest.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workshop import Outcome, Workshop

    Ingest = Callable[..., Outcome]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who can mount a small disk")

DISK = "size=160m,nr_inodes=8k,mode=755"  # a new server takes 64 MB
DOCUMENTS = 300  # more than there is room for in the pages of new tables


@pytest.fixture
def disk() -> Iterator[Path]:
    """A small disk of the test's own, which `nobody` can reach."""
    folder = Path(tempfile.mkdtemp(prefix="ingest-test-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", DISK, "none", folder], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
        eventually(lambda: not processes_in(folder))
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()


def fill(disk: Path, *, names: bool = False) -> Path:
    """Take all the room that a disk has, for bytes or for names of files; the folder to delete for it."""
    ballast = disk / "ballast"
    ballast.mkdir(exist_ok=True)
    with suppress(OSError):
        for number in count():
            with (ballast / str(number)).open("wb", buffering=0) as file:
                while not names and file.write(bytes(4096)):
                    pass
    assert names or shutil.disk_usage(disk).free == 0
    return ballast


def variables(workshop: Workshop, **flags: object) -> dict[str, str]:
    """The settings of a corpus of three shards, for a process of its own."""
    given = workshop.flags | CORPUS_FLAGS | {"max_batch_requests": 100, "clean": True, "database_wait_seconds": 2}
    return {f"INGEST_{name.upper()}": str(value) for name, value in (given | flags).items()}


def in_one_line(outcome: Outcome) -> bool:
    return outcome.err.count("\n") == 1 and outcome.err.startswith("error: ")


def test_a_full_disk_under_the_tables_ends_with_3_and_the_same_command_finishes(
    disk: Path, workshop: Workshop, ingest: Ingest
) -> None:
    with embedded_server(disk / "postgresql") as url:
        own = replace(workshop, database_url=url)
        write_corpus(own, DOCUMENTS)
        environment = variables(own)
        submitted = [ingest(*verb, environment=environment).status for verb in (("sync", own.folder), ("submit",))]
        ballast = fill(disk)

        full = ingest("run", "-q", own.folder, environment=environment)
        shutil.rmtree(ballast)
        fixed = ingest("run", own.folder, environment=environment)

        assert (submitted, full.status, fixed.status) == ([0, 0], 3, 0)
        assert in_one_line(full), full
        assert "no disk space left" in full.err
        check_promises(own)


def test_a_server_that_dies_of_a_full_disk_ends_with_3_and_the_same_command_finishes(
    disk: Path, workshop: Workshop, ingest: Ingest
) -> None:
    write_corpus(workshop, DOCUMENTS)
    environment = variables(workshop, data_dir=disk / "data")
    del environment["INGEST_DATABASE_URL"]
    workshop.emulator.set_faults(Fault("stuck_in_progress"))

    with embedded_server(disk / "data" / "postgresql") as url:
        submitted = [ingest(*verb, environment=environment).status for verb in (("sync", workshop.folder), ("submit",))]
        ballast = fill(disk)
        server = postmaster(disk / "data" / "postgresql" / "data")
        with closing(psycopg.connect(url, autocommit=True)) as connection, suppress(psycopg.OperationalError):
            while True:  # until the log needs a new file
                connection.execute("SELECT pg_switch_wal(), pg_logical_emit_message(true, '', 'a')")
        full = ingest("run", "-q", workshop.folder, environment=environment)
    eventually(lambda: is_gone(server))
    shutil.rmtree(ballast)
    workshop.emulator.set_faults()
    fixed = ingest("run", workshop.folder, environment=environment)

    assert (submitted, full.status, fixed.status) == ([0, 0], 3, 0)
    assert in_one_line(full), full
    assert "No space left on device" in full.err
    with embedded_server(disk / "data" / "postgresql") as url:
        check_promises(replace(workshop, database_url=url, data_dir=disk / "data"))


def test_a_server_that_a_full_disk_keeps_from_starting_says_so(disk: Path) -> None:
    with embedded_server(disk / "postgresql"):
        fill(disk)

    with pytest.raises(UnreachableError, match="its disk is full"), embedded_server(disk / "postgresql"):
        pass


@pytest.mark.parametrize(
    ("verbs", "names"),
    [(["sync"], False), (["sync"], True), (["sync", "submit"], False)],
    ids=["requests", "folder", "results"],
)
def test_a_full_disk_under_the_shard_files_ends_with_3_and_the_same_command_finishes(
    disk: Path, workshop: Workshop, ingest: Ingest, verbs: list[str], *, names: bool
) -> None:
    write_corpus(workshop)
    environment = variables(workshop, data_dir=disk)
    before = [ingest(verb, *[workshop.folder][: verb == "sync"], environment=environment).status for verb in verbs]
    ballast = fill(disk, names=names)

    full = ingest("run", "-q", workshop.folder, environment=environment)
    shutil.rmtree(ballast)
    fixed = ingest("run", workshop.folder, environment=environment)

    assert (set(before), full.status, fixed.status) == ({0}, 3, 0)
    assert in_one_line(full), full
    assert "No space left on device" in full.err
    check_promises(replace(workshop, data_dir=disk))


def test_a_full_disk_under_the_local_provider_ends_with_3_and_the_same_command_finishes(
    disk: Path, workshop: Workshop, ingest: Ingest
) -> None:
    workshop.write("texts.jsonl", "\n".join(json.dumps({"text": f"A text of its own: {n}."}) for n in range(6_000)))
    environment = {
        "INGEST_DATABASE_URL": workshop.database_url,
        "INGEST_PROVIDER": "local",
        "INGEST_MODEL": "hash",
        "INGEST_DATA_DIR": str(disk),
    }
    run = ("run", "--text", "text", workshop.folder)
    ballast = fill(disk)
    os.truncate(
        ballast / "0", (ballast / "0").stat().st_size - 15_000_000
    )  # room for the requests, not for the results

    full = ingest(*run, "-q", environment=environment)
    shutil.rmtree(ballast)
    fixed = ingest(*run, "--json", environment=environment)

    assert (full.status, fixed.status) == (3, 0)
    assert in_one_line(full), full
    # Ours, should the first results be there before our last requests.
    assert f"the disk of {disk} is full" in full.err or f"{disk}/shards" in full.err
    assert fixed.json["embedded"] == 6_000


def test_nothing_is_asked_for_at_once_where_a_full_disk_has_no_room_for_the_answers(
    disk: Path, workshop: Workshop, ingest: Ingest
) -> None:
    write_corpus(workshop)
    environment = variables(workshop, data_dir=disk) | {"INGEST_MODE": "sync"}
    killed = ingest("run", workshop.folder, environment=environment | {"INGEST_FAILPOINT": "shard-after-commit"})
    ballast = fill(disk)

    full = ingest("run", "-q", workshop.folder, environment=environment)
    asked = workshop.emulator.ledger()["texts"]
    shutil.rmtree(ballast)
    fixed = ingest("run", workshop.folder, environment=environment)

    assert (killed.status, full.status, asked, fixed.status) == (-9, 3, 0, 0)
    assert in_one_line(full), full
    assert "No space left on device" in full.err
    check_promises(replace(workshop, data_dir=disk))
