"""The program as a user runs it: what it prints, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import hostile_files as hostile
import psutil
import psycopg
import pytest
from process_checks import eventually, is_gone, reserved_port, take_interrupts
from psycopg import conninfo, sql

from ingest.emulator import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workshop import Outcome, Workshop

    Ingest = Callable[..., Outcome]


def one_clear_line(outcome: Outcome) -> bool:
    """Whether the error is one line of ours, and no traceback."""
    lines = [line for line in outcome.err.splitlines() if line]
    return len(lines) == 1 and lines[0].startswith("error: ") and not outcome.out


def test_run_status_and_search(ingest: Ingest, workshop: Workshop, environment: dict[str, str]) -> None:
    workshop.write("a.md", "# Cats\n\nCats sleep most of the day.\n\n# Dogs\n\nDogs like to go for walks.\n")

    run = ingest("run", workshop.folder, environment=environment)
    status = ingest("status", environment=environment)
    search = ingest("search", "Dogs like to go for walks.", environment=environment)

    assert (run.status, status.status, search.status) == (0, 0, 0)
    assert "1 new" in run.out
    assert 'ingest search "your question"' in run.out
    assert "reading: 1" in run.err
    assert "1 searchable" in status.out or "2 searchable" in status.out
    assert "a.md" in search.out
    assert "Traceback" not in run.err + status.err + search.err


def test_a_run_that_could_not_read_a_file_ends_with_1_unless_that_is_allowed(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str]
) -> None:
    workshop.write("a.md", "Cats sleep most of the day.")
    (workshop.folder / "cut.pdf").write_bytes(b"%PDF-1.7")

    outcomes = [
        ingest("run", workshop.folder, *given, environment=environment) for given in ((), ("--allow-unreadable",))
    ]

    assert [outcome.status for outcome in outcomes] == [1, 0]
    assert all("cut.pdf: damaged" in outcome.out for outcome in outcomes)


def test_json_is_one_object_and_nothing_else(ingest: Ingest, workshop: Workshop, environment: dict[str, str]) -> None:
    workshop.write("a.txt", "Some text.")

    run = ingest("run", workshop.folder, "--json", environment=environment)
    sync = ingest("sync", workshop.folder, "--json", environment=environment)
    status = ingest("status", "--json", environment=environment)
    search = ingest("search", "text", "--json", environment=environment)
    doctor = ingest("doctor", "--json", environment=environment)

    assert (run.json["documents"], run.json["embedded"], run.json["failures"]) == (1, 1, [])
    assert sync.json["documents_unchanged"] + sync.json["documents_new"] == 1
    assert status.json["waiting_requests"] == 0
    assert search.json["passages"][0]["content"] == "Some text."
    assert all(check["ok"] for check in doctor.json["checks"])


@pytest.mark.parametrize(
    ("arguments", "status", "advice"),
    [
        (("status", "--corpus", "nope"), 2, "correct what the error names, then run the command again"),
        (("status", "--config", "nowhere.toml"), 2, "correct what the error names, then run the command again"),
        (("status", "--nope"), 2, "ingest status --help"),
        (("run",), 2, "correct what the error names, then run the command again"),
        (("run", "docs", "--max-cost", "much"), 2, "ingest run --help"),
        (
            ("status", "--database-url", "postgresql://me@127.0.0.1:1/db"),
            3,
            "run the same command again: it goes on where it stopped",
        ),
    ],
)
def test_a_command_that_fails_writes_an_object_with_its_time_status_error_and_what_next(
    ingest: Ingest, environment: dict[str, str], arguments: tuple[str, ...], status: int, advice: str
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)

    outcome = ingest(*arguments, "--json", environment=environment)

    told = outcome.json
    assert (outcome.status, told["status"], told["command"]) == (status, status, arguments[0])
    assert before <= datetime.fromisoformat(told["time"]) <= datetime.now(UTC)
    assert told["error"]
    assert told["next"] == advice


def test_every_object_has_time_command_corpus_status_and_what_next(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str]
) -> None:
    workshop.write("a.txt", "Some text.")
    workshop.emulator.set_faults(Fault("error_per_request_400", count=1))

    run = ingest("run", workshop.folder, "--corpus", "docs", "--json", environment=environment)
    status = ingest("status", "--corpus", "docs", "--json", environment=environment)
    retry = ingest("retry", "--corpus", "docs", "--json", environment=environment)

    for outcome, command in ((run, "run"), (status, "status"), (retry, "retry")):
        told = outcome.json
        assert list(told)[:4] == ["time", "command", "corpus", "status"]
        assert (told["command"], told["corpus"], told["status"]) == (command, "docs", outcome.status)
        assert "next" in told
    assert status.status == 1
    assert status.json["next"] == "ingest retry --corpus docs && ingest run --corpus docs …"


def test_quiet_prints_no_progress(ingest: Ingest, workshop: Workshop, environment: dict[str, str]) -> None:
    workshop.write("a.txt", "Some text.")

    outcome = ingest("run", workshop.folder, "-q", environment=environment)

    assert (outcome.status, outcome.err) == (0, "")


def test_settings_come_from_a_file_and_flags_are_stronger(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str], tmp_path: Path
) -> None:
    workshop.write("a.txt", "Some text.")
    (tmp_path / "ingest.toml").write_text('corpus = "from_file"\ndimensions = 8\nvector_type = "halfvec"\n')

    outcome = ingest("run", workshop.folder, "--json", "--dimensions", 16, environment=environment)

    assert outcome.status == 0
    assert (outcome.json["corpus"], outcome.json["dimensions"], outcome.json["vector_type"]) == (
        "from_file",
        16,
        "halfvec",
    )


def test_a_run_over_the_budget_ends_with_4(ingest: Ingest, workshop: Workshop, environment: dict[str, str]) -> None:
    workshop.write("a.txt", "Some text that costs.")

    refused = ingest("run", workshop.folder, "--max-cost", "0.00000000001", environment=environment)
    allowed = ingest("run", workshop.folder, "--max-cost", "1", environment=environment)

    assert refused.status == 4
    assert "nothing was sent" in refused.err
    assert allowed.status == 0


def test_failed_records_end_with_1_and_are_listed(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str]
) -> None:
    from ingest.emulator import Fault

    workshop.write("a.txt", "Some text.")
    workshop.emulator.set_faults(Fault("error_per_request_400"))

    outcome = ingest("run", workshop.folder, environment=environment)

    assert outcome.status == 1
    assert "a.txt #0" in outcome.out
    assert "ingest retry" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "no/such/path"], "no such file or folder: no/such/path"),
        (["run", "x" * 300], "no such file or folder: xxx"),
        (["run", "no/such/*.md"], "nothing matches no/such/*.md"),
        (["run", ".", "--corpus", "1-bad"], "'1-bad' cannot name a corpus"),
        (["run", ".", "--corpus", "pg_mine"], "'pg_mine' cannot name a corpus"),
        (["run", ".", "--model", "gpt-9"], "unknown model 'gpt-9'"),
        (["run", ".", "--dimensions", "4000"], "gives from 1 to 1536 dimensions, not 4000"),
        (["run", ".", "--model", "text-embedding-ada-002", "--dimensions", "64"], "1536 dimensions only"),
        (["run", ".", "--dimensions", "0"], "the setting dimensions is wrong"),
        (["run", ".", "--type", "bitvec"], "the setting vector_type is wrong"),
        (["run", ".", "--chunk-tokens", "9000"], "takes at most 8,191 tokens"),
        (["run", ".", "--chunk-tokens", "100", "--overlap", "80"], "more than half"),
        (["run", ".", "--provider", "nobody"], "the setting provider is wrong"),
        (["run", ".", "--config", "nowhere.toml"], "no such configuration file"),
        (["search", "words"], "there is no corpus corpus in this database"),
        (["search", "  "], "nothing to search for"),
        (["status"], "there is no corpus corpus"),
        (["clean"], "there is no corpus corpus"),
        (["run", ".", "--database-url", "nonsense"], "cannot be read"),
    ],
)
def test_bad_usage_is_one_clear_line_and_status_2(
    ingest: Ingest, environment: dict[str, str], arguments: list[str], words: str
) -> None:
    outcome = ingest(*arguments, environment=environment)

    assert one_clear_line(outcome), outcome
    assert words in outcome.err
    assert outcome.status == 2


def test_a_folder_with_nothing_readable_is_refused_and_removes_nothing(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str]
) -> None:
    text = workshop.write("a.txt", "Some text.")
    ingest("run", workshop.folder, environment=environment)
    text.unlink()
    (workshop.folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")

    outcome = ingest("run", workshop.folder, environment=environment)

    assert outcome.status == 2
    assert "no readable text" in outcome.err
    assert workshop.query("SELECT count(*) FROM documents") == [(1,)]


def test_a_record_that_is_not_taken_is_told_by_the_status_and_what_is_passed_over_is_not(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str]
) -> None:
    records = workshop.write("a.jsonl", '{"id": 1, "text": "One."}\n{"id": 2}\n')
    (workshop.folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0")
    workshop.write(".hidden", "Nobody reads it.")
    workshop.write("empty.txt", " ")
    sync = ingest("sync", workshop.folder, environment=environment)
    run = ingest("run", "--json", workshop.folder, environment=environment)
    records.write_text('{"id": 1, "text": "One."}\n', encoding="utf-8")
    fixed = [ingest(command, workshop.folder, environment=environment) for command in ("sync", "run")]

    assert [outcome.status for outcome in (sync, run, *fixed)] == [1, 1, 0, 0]
    assert run.json["sync"]["skipped_count"] == 1
    assert run.json["embedded"] == 1


def test_a_database_that_is_not_there_ends_with_3(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str]
) -> None:
    with reserved_port() as port:
        url = f"postgresql://me:secret-word@127.0.0.1:{port}/db"
        outcome = ingest("run", workshop.folder, environment=environment | {"DATABASE_URL": url})

    assert outcome.status == 3
    assert one_clear_line(outcome), outcome
    assert "out of reach" in outcome.err
    assert "secret-word" not in outcome.err


def test_a_database_name_that_does_not_exist_ends_with_2(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str]
) -> None:
    url = conninfo.make_conninfo(workshop.database_url, dbname="no_such_database")

    outcome = ingest("run", workshop.folder, environment=environment | {"DATABASE_URL": url})

    assert outcome.status == 2
    assert one_clear_line(outcome), outcome
    assert "no_such_database" in outcome.err


def test_a_provider_that_is_not_there_ends_with_3_and_resumes(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str]
) -> None:
    workshop.write("a.txt", "Some text.")

    with reserved_port() as port:
        nowhere = {"OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1"}
        outcome = ingest("run", workshop.folder, environment=environment | nowhere)
    again = ingest("run", workshop.folder, "--json", environment=environment)

    assert outcome.status == 3
    assert "out of reach" in outcome.err
    assert "Traceback" not in outcome.err
    assert (again.status, again.json["embedded"]) == (0, 1)


def test_a_wrong_key_ends_with_2_and_is_not_shown(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str]
) -> None:
    workshop.write("a.txt", "Some text.")

    outcome = ingest("run", workshop.folder, environment=environment | {"OPENAI_API_KEY": "sk-wrong-key"})
    doctor = ingest("doctor", environment=environment | {"OPENAI_API_KEY": "sk-wrong-key"})

    assert (outcome.status, doctor.status) == (2, 2)
    assert "refuses the key" in outcome.err
    assert "refuses the key" in doctor.out
    assert "sk-wrong-key" not in outcome.err + outcome.out + doctor.err + doctor.out


def test_a_url_that_is_none_ends_with_2_or_3(ingest: Ingest, workshop: Workshop, environment: dict[str, str]) -> None:
    workshop.write("a.txt", "Some text.")

    outcome = ingest("run", workshop.folder, environment=environment | {"OPENAI_BASE_URL": "not a url"})

    assert outcome.status in {2, 3}
    assert "base_url is wrong" in outcome.err
    assert "Traceback" not in outcome.err


@pytest.fixture
def role_without_rights(workshop: Workshop) -> Iterator[str]:
    """The URL of a role that may connect and no more."""
    role = f"guest_{uuid4().hex[:8]}"
    with psycopg.connect(workshop.database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'guest'").format(sql.Identifier(role)))
    # SET ROLE at the start of the session, because the embedded server knows its users by the operating system.
    yield conninfo.make_conninfo(workshop.database_url, options=f"-c role={role}")
    with psycopg.connect(workshop.database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(role)))


def test_a_role_without_rights_ends_with_2(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str], role_without_rights: str
) -> None:
    workshop.write("a.txt", "Some text.")

    outcome = ingest("run", workshop.folder, environment=environment | {"DATABASE_URL": role_without_rights})

    assert outcome.status == 2
    assert one_clear_line(outcome), outcome
    assert "permission denied" in outcome.err
    assert "GRANT CREATE ON DATABASE ingest_test_" in outcome.err
    assert " TO guest_" in outcome.err


def test_a_schema_of_someone_else_is_not_touched(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str]
) -> None:
    workshop.write("a.txt", "Some text.")
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute("CREATE SCHEMA shop; CREATE TABLE shop.orders (id int)")

    outcome = ingest("run", workshop.folder, "--corpus", "shop", environment=environment)

    assert outcome.status == 2
    assert "holds other things (table orders)" in outcome.err
    with psycopg.connect(workshop.database_url) as connection:
        assert connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'shop'").fetchall() == [
            ("orders",)
        ]


def test_ctrl_c_in_the_middle_of_a_slow_document_leaves_no_process(
    workshop: Workshop, environment: dict[str, str], tmp_path: Path
) -> None:
    (workshop.folder / "slow.pdf").write_bytes(hostile.pdf_of_pages(50_000))
    with subprocess.Popen(
        [sys.executable, "-m", "ingest", "run", str(workshop.folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={
            **os.environ,
            "INGEST_DATA_DIR": str(tmp_path / "data"),
            "INGEST_EXTRACT_SECONDS": "600",
            "INGEST_EXTRACT_MEMORY_MB": "16000",
            **environment,
        },
        preexec_fn=take_interrupts,  # noqa: PLW1509 - one thread starts it
        start_new_session=True,
    ) as process:
        program, workers = psutil.Process(process.pid), list[psutil.Process]()

        def is_at_work() -> bool:
            """What works that long has begun with the document."""
            workers[:] = program.children(recursive=True)
            return any(worker.cpu_times().user > 3 for worker in workers)

        try:
            eventually(is_at_work)
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does
            _, err = process.communicate(timeout=60)
            eventually(lambda: all(map(is_gone, workers)))
        finally:
            process.kill()

    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err


def test_ctrl_c_ends_with_130_and_the_next_run_goes_on(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str], tmp_path: Path
) -> None:
    from ingest.emulator import Fault

    workshop.write("a.txt", "Some text.")
    workshop.emulator.set_faults(Fault("stuck_in_progress"))
    with subprocess.Popen(
        [sys.executable, "-m", "ingest", "run", str(workshop.folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "INGEST_DATA_DIR": str(tmp_path / "data"), **environment},
        preexec_fn=take_interrupts,  # noqa: PLW1509 - one thread starts it
    ) as process:
        try:
            eventually(lambda: workshop.emulator.fired().get("stuck_in_progress", 0) > 0)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    workshop.emulator.set_faults()
    again = ingest("run", workshop.folder, "--json", environment=environment)

    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    assert (again.status, again.json["embedded"]) == (0, 1)
    assert workshop.emulator.ledger()["texts"] == 1


def test_an_interrupt_that_python_drops_comes_again(tmp_path: Path) -> None:
    program = """
        import os, signal, time, weakref
        from ingest.cli import program

        class Thing: ...

        def interrupted(_reference):  # like the one that ends each import
            os.kill(os.getpid(), signal.SIGINT)
            str(_reference)

        def work():
            thing = Thing()
            reference = weakref.ref(thing, interrupted)
            del thing
            time.sleep(60)

        program.app = work
        program.main()
    """
    outcome = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        preexec_fn=take_interrupts,
    )

    assert outcome.returncode == -signal.SIGINT
    assert outcome.stderr.rstrip().endswith("KeyboardInterrupt")


def test_what_others_wrote_cannot_steer_the_terminal(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str]
) -> None:
    folder = os.fsencode(workshop.folder)
    for name, content in (
        (b"evil\x1b[31m\nerror: forged \xff.txt", b"Red \x1b[31malert\x1b[0m and more words."),
        (b"skipped\x1b[31m\nerror: forged \xff.pdf", b"%PDF-1.7"),
    ):
        Path(os.fsdecode(os.path.join(folder, name))).write_bytes(content)  # noqa: PTH118 - of bytes

    run = ingest("run", workshop.folder, "-v", environment=environment)
    unchanged = ingest("run", workshop.folder, "--json", environment=environment)
    search = ingest("search", "red alert", environment=environment)

    assert (run.status, unchanged.status, search.status) == (1, 1, 0)  # one file is damaged
    assert "skipped\ufffd[31m\ufffderror" in run.out
    assert "alert" in search.out
    assert "\x1b" not in run.out + run.err + search.out + search.err
    assert not any(line.startswith("error") for line in (run.out + search.out).splitlines())
    assert [skipped["reason"][:7] for skipped in unchanged.json["sync"]["skipped"]] == ["damaged"]


def test_what_a_provider_said_cannot_steer_the_terminal(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str], tmp_path: Path
) -> None:
    workshop.write("a.txt", "Some text.")
    ingest("sync", workshop.folder, environment=environment)
    ingest("export", tmp_path / "export", environment=environment)
    (shard,) = (tmp_path / "export").glob("*.jsonl")
    error = {"message": "\x1b[2J refused\nerror: forged", "code": "\x1b[31m", "param": None}
    answer = {
        "custom_id": json.loads(shard.read_text())["custom_id"],
        "response": {"status_code": 400, "body": {"error": error}},
    }
    (tmp_path / "errors.jsonl").write_text(json.dumps(answer))

    load = ingest("load", tmp_path / "errors.jsonl", environment=environment)
    status = ingest("status", environment=environment)

    assert (load.status, status.status) == (1, 1)
    assert "\ufffd[2J refused error: forged" in status.out
    assert "\x1b" not in load.out + load.err + status.out + status.err


def test_cancel_loads_what_is_done_and_says_what_is_left(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str]
) -> None:
    from ingest.emulator import Fault

    for number in range(3):
        workshop.write(f"{number}.txt", f"Text number {number}.")
    environment |= {"INGEST_MAX_BATCH_REQUESTS": "1"}
    workshop.emulator.set_faults(Fault("stuck_in_progress", count=2))
    ingest("sync", workshop.folder, environment=environment)
    submit = ingest("submit", environment=environment)
    eventually(lambda: workshop.emulator.ledger()["texts"] == 1)

    cancel = ingest("cancel", environment=environment)
    status = ingest("status", "--json", environment=environment)
    again = ingest("cancel", "--json", environment=environment)
    workshop.emulator.set_faults()
    run = ingest("run", workshop.folder, "--json", environment=environment)

    assert (submit.status, cancel.status, status.status, again.status, run.status) == (0, 0, 0, 0, 0)
    assert "1 vector from" in cancel.out
    assert (status.json["waiting_requests"], status.json["batches"]) == (2, [])
    assert (again.json["batches"], run.json["embedded"]) == (0, 3)
    assert workshop.emulator.ledger()["texts"] == 3


def test_a_column_of_a_table_is_filled_indexed_and_embedded_by_another_model(
    ingest: Ingest, workshop: Workshop, environment: dict[str, str]
) -> None:
    with psycopg.connect(workshop.database_url) as connection:
        connection.execute("CREATE TABLE articles (id int PRIMARY KEY, body text)")
        connection.execute("INSERT INTO articles SELECT n, 'Article number ' || n FROM generate_series(1, 3) n")
    table = ("--table", "articles", "--text", "body", "--into", "embedding", "--corpus", "articles")
    to_large = ("--model", "text-embedding-3-large", "--dimensions", "8", "--type", "halfvec", "--corpus", "articles")

    def dimensions() -> list[tuple[int]]:
        with psycopg.connect(workshop.database_url) as connection:
            return connection.execute("SELECT DISTINCT vector_dims(embedding) FROM articles").fetchall()

    run = ingest("run", *table, environment=environment)
    index = ingest("index", "--corpus", "articles", environment=environment)
    first = dimensions()
    reembed = ingest("reembed", *to_large, environment=environment)
    swapped = dimensions()
    rollback = ingest("reembed", "--rollback", "--corpus", "articles", environment=environment)
    back = dimensions()
    again = ingest("reembed", *to_large, environment=environment)
    finish = ingest("reembed", "--finish", "--corpus", "articles", environment=environment)

    statuses = [outcome.status for outcome in (run, index, reembed, rollback, again, finish)]
    assert statuses == [0] * 6, [outcome.err for outcome in (run, index, reembed, rollback, again, finish)]
    assert "articles.embedding: 3 rows filled, 3 in all" in run.out
    assert "ingest index --corpus articles" in run.out
    assert (first, swapped, back, dimensions()) == ([(1536,)], [(8,)], [(1536,)], [(8,)])
    assert workshop.emulator.ledger()["texts"] == 6  # nothing twice, though rolled back and forth
    with psycopg.connect(workshop.database_url) as connection:
        columns = connection.execute(
            "SELECT attname FROM pg_attribute "
            "WHERE attrelid = 'articles'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        ).fetchall()
    assert columns == [("id",), ("body",), ("embedding",)]


def test_what_is_advised_is_about_the_corpus_that_was_named(
    environment: dict[str, str], workshop: Workshop, ingest: Callable[..., Outcome]
) -> None:
    workshop.write("a.txt", "A text.")
    missing = ingest("status", "--corpus", "docs", environment=environment)
    ingest("sync", "--corpus", "docs", workshop.folder, environment=environment)
    nothing = ingest("retry", "--corpus", "docs", environment=environment)
    exported = ingest("export", "--corpus", "docs", workshop.folder / "out", environment=environment)

    assert "fill it with `ingest run --corpus docs PATH`" in missing.err
    assert "`ingest status --corpus docs` says what helps" in nothing.out
    assert "ingest load --corpus docs RESULT-FILE…" in exported.out
