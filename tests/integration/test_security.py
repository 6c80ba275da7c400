"""Keys stay secret, files stay private, and hostile words stay words."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from promises import CORPUS_FLAGS, write_corpus
from workshop import Told

from ingest.database.connection import connect
from ingest.doctor import examine
from ingest.emulator import Fault
from ingest.emulator.store import Store
from ingest.errors import IngestError
from ingest.folders import private_folder
from ingest.formatting import clean
from ingest.provider.presets import goes_in_clear

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workshop import Outcome, Workshop

HOSTILE = "'; DROP SCHEMA corpus CASCADE; -- $(touch pwned) `id` \x1b[2J\x1b]0;title\x07 \u202e ${x} %s %(id)s {0}"


def test_the_key_is_in_no_message_no_table_and_no_file(
    workshop: Workshop, ingest: Callable[..., Outcome], capfd: pytest.CaptureFixture[str]
) -> None:
    write_corpus(workshop)
    workshop.emulator.set_faults(Fault("error_per_request_400", count=1), Fault("http_500_create", count=1))
    key = workshop.emulator.api_key
    environment = {
        "DATABASE_URL": workshop.database_url,
        "OPENAI_BASE_URL": workshop.emulator.base_url,
        "OPENAI_API_KEY": key,
        "INGEST_POLL_SECONDS": "0.2",
        "INGEST_LIST_LAG_SECONDS": "1",
        "INGEST_RETRY_WAIT_SECONDS": "0",
        "OPENAI_LOG": "debug",
    }

    outcomes = [
        ingest(*arguments, environment=environment)
        for arguments in (
            ("run", workshop.folder, "-v"),
            ("run", workshop.folder, "--json"),
            ("status", "--json"),
            ("doctor", "--json"),
            ("search", "document"),
            ("run", workshop.folder, "--corpus", f"no {HOSTILE}"),
        )
    ]

    assert [outcome.status for outcome in outcomes] == [1, 1, 1, 0, 0, 2]
    assert "DEBUG" in outcomes[0].err
    assert len(workshop.whole_database()) > 1000
    assert key not in "".join(outcome.out + outcome.err for outcome in outcomes) + "".join(capfd.readouterr())
    assert key not in workshop.whole_database()
    assert all(key.encode() not in path.read_bytes() for path in workshop.data_dir.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cr3t%zz@localhost/database",
        "postgresql://me:s3cr3t@[::1/database",
        "postgres:/me:s3cr3t@localhost/database",
        "postgresql://me:one@s3cr3t@localhost/database",
        "postgresql://me:one/s3cr3t@localhost/database",
        "postgresql://me:12/s3cr3t@localhost/database",
        "postgresql://me:s3cr3t@localhost:1/database",
        "host=localhost port=1 password=s3cr3t",
        "password=s3cr3t nonsense",
        f"postgresql://me:s3cr3t@{'x' * 100}/database",
    ],
)
def test_no_part_of_a_password_is_in_a_message(url: str) -> None:
    with pytest.raises(IngestError) as caught:
        connect(url, None)

    error: BaseException | None = caught.value
    while error:
        assert "s3cr3t" not in str(error)
        assert "zz" not in str(error)
        error = error.__cause__ or error.__context__


def test_files_that_hold_text_are_readable_by_their_owner_alone(workshop: Workshop) -> None:
    write_corpus(workshop)
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.sync([str(workshop.folder)])
        pipeline.export(workshop.data_dir / "export")
        pipeline.retry(exported=True)
        workshop.emulator.set_faults(Fault("stuck_in_progress"))
        pipeline.submit()

    files = list(workshop.data_dir.rglob("*.jsonl"))

    assert len(files) == 6
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in files} == {0o700}


def test_hostile_words_of_documents_and_providers_stay_words(workshop: Workshop) -> None:
    workshop.write(f"{HOSTILE.replace('/', '_')}.txt", HOSTILE)
    with workshop.pipeline(**CORPUS_FLAGS | {"chunk_tokens": 256}) as pipeline:
        report = pipeline.run([str(workshop.folder)])
        passages = pipeline.search(HOSTILE)

    assert report.embedded == report.chunks > 0
    assert passages[0].content == HOSTILE
    assert not (workshop.folder / "pwned").exists()
    assert "\x1b" not in clean(HOSTILE)
    assert "\u202e" not in clean(HOSTILE)


@pytest.mark.parametrize(
    "line",
    [
        b"\x00" * 100,
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"custom_id": "' + b"9" * 400 + b'-0"}',
        b'{"custom_id": "\\u0000", "error": {"message": "\\u0000\\ud800"}}',
        b'{"custom_id": "1-0", "response": {"status_code": 1e400}}',
    ],
    ids=["nul", "no utf-8", "deep", "long id", "nul in words", "huge number"],
)
def test_a_hostile_result_file_is_refused_without_a_crash(workshop: Workshop, line: bytes) -> None:
    write_corpus(workshop)
    path = workshop.folder.parent / "hostile.jsonl"
    path.write_bytes(line + b"\n")
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.sync([str(workshop.folder)])
        before = workshop.query("SELECT * FROM requests ORDER BY chunk_id")

        with pytest.raises(IngestError, match="holds nothing that this corpus waits for"):
            pipeline.load([path])

    assert workshop.query("SELECT * FROM requests ORDER BY chunk_id") == before


def test_words_that_no_database_can_hold_are_kept_as_well_as_they_can_be(workshop: Workshop) -> None:
    write_corpus(workshop, 1)
    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        pipeline.sync([str(workshop.folder)])
        (shard,) = pipeline.export(workshop.data_dir / "export")
        custom_id = shard.path.read_bytes().split(b'"')[3]
        path = workshop.folder.parent / "words.jsonl"
        path.write_bytes(
            b'{"custom_id": "' + custom_id + b'", "response": {"status_code": 400, "body": {"error": {"message": '
            b'"\\u0000 \\u001b[2J it failed", "code": "bad\\u0000"}}}}\n'
        )

        report = pipeline.load([path])
        (failure,) = pipeline.status().failures

    assert report.failed == 1
    assert failure.message == "\ufffd \x1b[2J it failed"
    assert clean(failure.message) == "\ufffd \ufffd[2J it failed"


@pytest.mark.parametrize("umask", [0o000, 0o002])
def test_nothing_of_ours_is_for_others_whatever_the_umask(
    workshop: Workshop, environment: dict[str, str], tmp_path: Path, umask: int
) -> None:
    ours, out = tmp_path / "ours", tmp_path / "out"
    out.mkdir()
    write_corpus(workshop)
    commands: list[list[str | Path]] = [
        ["sync", workshop.folder],
        ["export", ours / "export" / "requests"],
        ["retry", "--exported"],
        ["run", workshop.folder],
        ["report", out / "report.html"],
        ["parquet", out / "corpus.parquet"],
    ]
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "ingest", *command],
            env={**os.environ, **environment, "INGEST_DATA_DIR": str(ours / "data")},
            umask=umask,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    found = {path: stat.S_IMODE(path.stat().st_mode) for path in (*ours.rglob("*"), *out.iterdir(), ours)}
    names = {path.name for path in found}
    assert {"data", "shards", "export", "requests", "report.html", "corpus.parquet"} <= names
    assert {f"{path}: {mode:o}" for path, mode in found.items() if mode & (0o066 if path.is_dir() else 0o077)} == set()


def test_what_was_downloaded_and_not_loaded_is_for_us_alone_and_goes(
    workshop: Workshop, environment: dict[str, str]
) -> None:
    write_corpus(workshop)

    def ingest(*command: object, **more: str) -> int:
        return subprocess.run(
            [sys.executable, "-m", "ingest", *map(str, command)],
            env={**os.environ, **environment, "INGEST_DATA_DIR": str(workshop.data_dir), **more},
            umask=0,
            capture_output=True,
            check=False,
        ).returncode

    def files() -> dict[str, int]:
        found = [path for path in workshop.data_dir.rglob("*.jsonl*") if path.is_file()]
        assert {stat.S_IMODE(path.parent.stat().st_mode) for path in found} <= {0o700}
        return {path.name: stat.S_IMODE(path.stat().st_mode) for path in found}

    killed = [ingest("run", workshop.folder, INGEST_FAILPOINT=f"download-{point}") for point in ("written", "renamed")]
    downloaded = files()
    (shard,) = {name.partition(".")[0] for name in downloaded}
    ingest("run", workshop.folder)
    left_after_a_run = files()
    for name in downloaded:
        next(workshop.data_dir.glob("shards/*")).joinpath(name).touch(0o600)
    ingest("clean")

    assert killed == [-signal.SIGKILL] * 2
    assert {f"{shard}.jsonl", f"{shard}.jsonl.output"} < set(downloaded)
    assert set(downloaded.values()) == {0o600}
    assert (left_after_a_run, files()) == ({}, {})


@pytest.mark.parametrize("umask", [0o000, 0o002])
def test_a_folder_of_ours_is_for_nobody_else(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        private_folder(tmp_path / "a" / "b" / "c")
        (tmp_path / "open").mkdir(mode=0o755)
        private_folder(tmp_path / "open")  # as somebody made it
        Store(tmp_path / "emulator" / "state").close()
    finally:
        os.umask(before)

    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b", "a/b/c", "open")]
    assert modes == [0o711, 0o711, 0o700, 0o755]
    kept = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "emulator").rglob("*")]
    assert kept
    assert not any(mode & 0o077 for mode in kept)


@pytest.mark.parametrize(
    ("url", "is_clear"),
    [
        ("http://embeddings.example/v1", True),
        ("HTTP://10.1.2.3:8000/v1", True),
        ("http://[2001:db8::1]/v1", True),
        ("https://embeddings.example/v1", False),
        ("http://127.0.0.1:8080/v1", False),
        ("http://localhost:8080/v1", False),
        ("http://[::1]:8080/v1", False),
        (None, False),
    ],
)
def test_what_others_could_read_on_its_way_is_told_apart(url: str | None, is_clear: bool) -> None:
    assert goes_in_clear(url) is is_clear


def test_a_run_and_the_doctor_warn_of_a_key_that_goes_in_clear(workshop: Workshop) -> None:
    workshop.write("a.txt", "A text.")
    told = Told()

    # Not one of this machine's names that we know, and it leads here all the same.
    with workshop.telling(told, {"base_url": workshop.emulator.base_url.replace("127.0.0.1", "127.1")}) as pipeline:
        pipeline.run([str(workshop.folder)])
        (check,) = [check for check in examine(pipeline) if check.name == "provider"]

    (warning,) = [line for line in told.lines if line.startswith("warning: ")]
    assert "can be read by others on their way to the provider: OPENAI_BASE_URL begins with http://" in warning
    assert (check.ok, "can be read by others" in check.finding) == (True, True)
