"""Keys stay secret, files stay private, and hostile words stay words."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import psycopg
import pytest
from promises import CORPUS_FLAGS, write_corpus
from psycopg import sql

from ingest.database.connection import connect
from ingest.emulator import Fault
from ingest.errors import IngestError
from ingest.words import clean

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Outcome, Workshop

HOSTILE = "'; DROP SCHEMA corpus CASCADE; -- $(touch pwned) `id` \x1b[2J\x1b]0;title\x07 \u202e ${x} %s %(id)s {0}"


def whole_database(workshop: Workshop) -> str:
    """Every row of every table but PostgreSQL's own, as text."""
    with psycopg.connect(workshop.database_url) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        return "\n".join(
            str(row)
            for table in tables
            for row in connection.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(*table)))
        )


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
    assert len(whole_database(workshop)) > 1000
    assert key not in "".join(outcome.out + outcome.err for outcome in outcomes) + "".join(capfd.readouterr())
    assert key not in whole_database(workshop)
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
