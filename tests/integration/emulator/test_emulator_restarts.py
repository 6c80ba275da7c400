"""Killed and started again: nothing is lost, nothing is billed twice, memory stays flat."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from emulator_client import create, custom_ids, finished, request_lines, results, sdk, until, upload

from ingest.emulator import Fault, Limits, RunningEmulator, running
from ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "a key for tests"


@contextmanager
def process(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], RunningEmulator]]:
    """An emulator of its own, as it is started from a shell."""
    with subprocess.Popen(
        [sys.executable, "-m", "ingest.emulator", "--folder", str(folder), "--api-key-env", "THE_KEY", *options],
        env={**os.environ, "THE_KEY": KEY},
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            name, _, base_url = server.stdout.readline().strip().partition(" ")
            assert name == "base_url"
            yield server, RunningEmulator(base_url, KEY)
        finally:
            server.kill()


@pytest.mark.parametrize("seed", range(2))
def test_a_batch_survives_kills_and_is_billed_once(tmp_path: Path, seed: int) -> None:
    moments = random.Random(seed)
    lines = request_lines(20_000, dimensions=256)
    with process(tmp_path) as (_, emulator), sdk(emulator) as client:
        batch = create(client, upload(client, lines))

    for _ in range(5):
        with process(tmp_path) as (server, emulator), sdk(emulator) as client:
            time.sleep(moments.random() / 3)
            server.kill()
    with process(tmp_path) as (_, emulator), sdk(emulator) as client:
        batch = finished(client, batch)
        seen = custom_ids(results(client, batch.output_file_id))
        ledger = emulator.ledger()

    assert batch.status == "completed"
    assert seen == custom_ids(lines)
    assert ledger["texts"] == ledger["distinct_texts"] == len(lines)


def test_a_killed_server_goes_on_in_the_middle_of_a_batch(tmp_path: Path) -> None:
    lines = request_lines(5_000)
    with process(tmp_path, "--latency", "5") as (server, emulator), sdk(emulator) as client:
        batch = create(client, upload(client, lines))
        until(client, batch, lambda b: b.request_counts is not None and b.request_counts.completed > 1_000)
        server.kill()

    with process(tmp_path, "--fault", "stuck_in_progress") as (_, emulator), sdk(emulator) as client:
        found = client.batches.retrieve(batch.id)
        billed_before = emulator.ledger()["texts"]
        emulator.set_faults()
        batch = finished(client, batch)
        seen = custom_ids(results(client, batch.output_file_id))
        billed_after = emulator.ledger()["texts"]

    assert found.status == "in_progress"
    assert found.request_counts is not None
    assert found.request_counts.completed == billed_before > 1_000
    assert seen == custom_ids(lines)
    assert billed_after == len(lines)


def test_output_that_a_power_cut_took_is_made_again_and_billed_once(tmp_path: Path) -> None:
    lines = request_lines(3_000)
    with running(tmp_path, latency_s=1) as emulator, sdk(emulator) as client:
        batch = create(client, upload(client, lines))
        until(client, batch, lambda b: b.request_counts is not None and b.request_counts.completed > 500)
    (output,) = (path for path in (tmp_path / "files").iterdir() if path.read_bytes().startswith(b'{"id":"batch_req'))
    os.truncate(output, 1_000)

    with running(tmp_path) as emulator, sdk(emulator) as client:
        batch = finished(client, batch)
        seen = custom_ids(results(client, batch.output_file_id))
        billed = emulator.ledger()["texts"]

    assert seen == custom_ids(lines)
    assert billed == len(lines)


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as emulator, sdk(emulator) as client:
        batch = finished(client, create(client, upload(client, request_lines(3)), metadata={"k": "v"}))
        ledger = emulator.ledger()

    with running(tmp_path) as emulator, sdk(emulator) as client:
        assert client.batches.retrieve(batch.id) == batch
        assert [each.id for each in client.batches.list()] == [batch.id]
        assert len(results(client, batch.output_file_id)) == 3
        assert emulator.ledger() == ledger


def test_a_start_clears_away_expired_files_and_nothing_of_anybody_else(tmp_path: Path) -> None:
    with running(tmp_path, limits=Limits(file_lifetime_s=0.05)) as emulator, sdk(emulator) as client:
        upload(client, request_lines(1))
    (tmp_path / "files" / "file-of-mine.txt").write_text("keep")
    time.sleep(0.1)

    with running(tmp_path) as emulator, sdk(emulator) as client:
        kept = upload(client, request_lines(1))
    with running(tmp_path):
        left = {path.name for path in (tmp_path / "files").iterdir()}

    assert left == {"file-of-mine.txt", kept}


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")

    with pytest.raises(UsageError, match=r"cannot use the folder .*taken"), running(tmp_path / "taken"):
        pass


def test_a_folder_has_one_server_at_a_time(tmp_path: Path) -> None:
    with (
        running(tmp_path),
        pytest.raises(UsageError, match="another emulator works in it"),
        running(tmp_path),
    ):
        pass


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with running(tmp_path / "one") as emulator:
        port = int(emulator.base_url.split(":")[2].split("/")[0])

        with (
            pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1 port {port}"),
            running(tmp_path / "two", port=port),
        ):
            pass


def test_a_key_is_made_and_printed_where_none_is_given(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ingest.emulator", "--folder", str(tmp_path), "--api-key-env", "NO_SUCH_KEY"]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        printed = dict(server.stdout.readline().split() for _ in range(2))
        with sdk(RunningEmulator(printed["base_url"], printed["api_key"])) as client:
            files = client.files.list().data
        server.terminate()

    assert printed["base_url"].startswith("http://127.0.0.1:")
    assert len(printed["api_key"]) >= 24
    assert files == []


def test_a_wrong_fault_is_a_usage_error_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ingest.emulator", "--folder", str(tmp_path), "--fault", "lost_lines:often"]

    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert ended.stderr == (
        "error: cannot read the fault 'lost_lines:often': write NAME[:RATE[:COUNT[:AFTER[:SECONDS[:TIMES]]]]].\n"
    )


def test_memory_stays_flat_for_the_largest_batch(tmp_path: Path) -> None:
    text = "The quick brown fox jumps over the lazy dog. " * 40
    lines = (
        {**line, "body": {**line["body"], "input": text + line["custom_id"]}}
        for line in request_lines(50_000, dimensions=1_536, encoding_format="base64")
    )
    with process(tmp_path) as (server, emulator), sdk(emulator) as client:
        batch = finished(client, create(client, upload(client, lines)))
        with client.files.with_streaming_response.content(batch.output_file_id or "") as download:
            size = sum(len(piece) for piece in download.iter_bytes())
        peak_bytes = _peak_memory_bytes(server.pid)

    assert batch.request_counts is not None
    assert batch.request_counts.completed == 50_000
    assert size > 400_000_000
    assert peak_bytes < 300_000_000


def _peak_memory_bytes(pid: int) -> int:
    """The most memory a process has had, where the system tells; else what it has now."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return int(psutil.Process(pid).memory_info().rss)
    (peak,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024


def test_limits_and_faults_are_given_to_a_test(tmp_path: Path) -> None:
    with (
        running(tmp_path, limits=Limits(batch_requests=1), faults=[Fault("shuffled")]) as emulator,
        sdk(emulator) as client,
    ):
        batch = finished(client, create(client, upload(client, request_lines(2))))

        assert batch.status == "failed"
        assert emulator.fired() == {"shuffled": 0}
