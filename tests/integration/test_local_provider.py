"""The local provider among real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import openai
import psutil
import pytest
from process_checks import eventually, is_gone, processes_in

from ingest.errors import UnreachableError, UsageError
from ingest.provider.local import local_endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CLIENT = """
import sys
from pathlib import Path
from ingest.provider.local import local_endpoint

with local_endpoint(Path(sys.argv[1])) as (base_url, api_key):
    print(base_url, api_key, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "local"
    eventually(lambda: not processes_in(tmp_path))


@contextmanager
def client(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that uses the provider until its standard input is closed."""
    command = [sys.executable, "-c", _CLIENT, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.communicate(timeout=60)


def endpoint_of(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait until the client is using the provider."""
    assert process.stdout is not None
    base_url, api_key = process.stdout.readline().split()
    return base_url, api_key


def sdk(endpoint: tuple[str, str]) -> openai.OpenAI:
    base_url, api_key = endpoint
    return openai.OpenAI(base_url=base_url, api_key=api_key, max_retries=0)


def upload(api: openai.OpenAI, lines: int = 1) -> str:
    """A batch input file of that many requests to the model `hash`."""
    requests = [
        {
            "custom_id": str(number),
            "method": "POST",
            "url": "/v1/embeddings",
            "body": {"model": "hash", "input": f"passage {number}", "encoding_format": "base64"},
        }
        for number in range(lines)
    ]
    content = "\n".join(json.dumps(request) for request in requests).encode()
    return api.files.create(file=("input.jsonl", content), purpose="batch").id


def emulator_in(folder: Path) -> psutil.Process:
    """The server, the child of its supervisor."""
    (process,) = (each for each in processes_in(folder) if "ingest.emulator" in each.cmdline())
    return process


def test_its_state_and_its_key_outlive_it(folder: Path) -> None:
    with local_endpoint(folder) as first:
        file_id = upload(sdk(first))
    stopped = not processes_in(folder)

    with local_endpoint(folder) as second:
        found = sdk(second).files.retrieve(file_id)

    assert stopped
    assert found.id == file_id
    assert second[1] == first[1]


def test_a_batch_that_was_left_under_way_is_finished_the_next_time(folder: Path) -> None:
    with local_endpoint(folder) as endpoint:
        api = sdk(endpoint)
        batch = api.batches.create(input_file_id=upload(api, 5_000), endpoint="/v1/embeddings", completion_window="24h")

    with local_endpoint(folder) as endpoint:
        api = sdk(endpoint)
        eventually(lambda: api.batches.retrieve(batch.id).status == "completed")
        counts = api.batches.retrieve(batch.id).request_counts

    assert counts is not None
    assert counts.completed == 5_000


def test_processes_share_one_and_the_last_one_stops_it(folder: Path) -> None:
    with client(folder) as one, client(folder) as other:
        endpoints = {endpoint_of(one), endpoint_of(other)}
        one.communicate(timeout=60)

        answers = bool(sdk(endpoints.pop()).models) and emulator_in(folder).is_running()

    assert not endpoints
    assert answers
    assert not processes_in(folder)


def test_it_does_not_outlive_clients_that_were_killed(folder: Path) -> None:
    with client(folder) as one, client(folder) as other:
        endpoint_of(one)
        endpoint_of(other)

        one.kill()
        other.kill()

    eventually(lambda: not processes_in(folder))


def test_after_the_supervisor_is_killed_the_next_client_goes_on(folder: Path) -> None:
    with client(folder) as witness:
        file_id = upload(sdk(endpoint_of(witness)))
        emulator = emulator_in(folder)
        psutil.Process(emulator.ppid()).kill()

        with client(folder) as next_one:
            found = sdk(endpoint_of(next_one)).files.retrieve(file_id)

    assert found.id == file_id
    assert is_gone(emulator)


def test_one_that_is_killed_comes_back_at_the_same_address(folder: Path) -> None:
    with client(folder) as process:
        endpoint = endpoint_of(process)
        file_id = upload(sdk(endpoint))
        emulator = emulator_in(folder)

        emulator.kill()

        eventually(lambda: is_gone(emulator) and answers(endpoint))
        assert sdk(endpoint).files.retrieve(file_id).id == file_id


def test_another_process_on_its_old_port_is_no_hindrance(folder: Path) -> None:
    with local_endpoint(folder) as (base_url, _key):
        port = int(base_url.rpartition(":")[2].partition("/")[0])
    with subprocess.Popen(
        [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as squatter:
        eventually(lambda: any(c.laddr.port == port for c in psutil.Process(squatter.pid).net_connections()))

        with local_endpoint(folder) as endpoint:
            works = answers(endpoint)
        squatter.kill()

    assert works
    assert endpoint[0] != base_url


def test_it_listens_on_loopback_alone_and_its_key_is_private(folder: Path) -> None:
    with local_endpoint(folder) as (base_url, api_key):
        addresses = {connection.laddr.ip for connection in emulator_in(folder).net_connections()}
        command_lines = str([process.cmdline() for process in processes_in(folder)])
        with pytest.raises(openai.AuthenticationError):
            sdk((base_url, "wrong")).files.list()

    assert addresses == {"127.0.0.1"}
    assert api_key not in command_lines
    assert api_key not in (folder / "server.log").read_text()
    assert (folder / "api-key").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_without_its_packages_the_message_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)

    with pytest.raises(UsageError, match=r"pip install 'pgvector-ingest\[local\]', or set OPENAI_API_KEY"):
        local_endpoint(folder).__enter__()


def test_one_that_cannot_start_says_where_to_look(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "state").write_text("not a folder")

    with pytest.raises(UnreachableError, match=r"did not start.*server\.log"):
        local_endpoint(folder).__enter__()

    assert not processes_in(folder)


def answers(endpoint: tuple[str, str]) -> bool:
    try:
        sdk(endpoint).files.list()
    except openai.APIConnectionError:
        return False
    return True
