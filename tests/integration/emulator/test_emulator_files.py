"""The Files API."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import openai
import pytest
from emulator_client import SCHEMA, request_lines, run, upload

from ingest.emulator import Limits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from openai import OpenAI

    from ingest.emulator import RunningEmulator


def test_answers_are_checked_against_the_description_of_the_api() -> None:
    if not SCHEMA.exists():
        pytest.skip(f"{SCHEMA.name} is not beside the repository: answers are checked against the SDK's types only")


def test_a_file_comes_back_as_it_was_sent(client: OpenAI) -> None:
    content = "naïve 日本語\n".encode() * 100_000

    file = client.files.create(file=("texts.jsonl", content), purpose="batch")

    assert (file.filename, file.bytes, file.purpose) == ("texts.jsonl", len(content), "batch")
    assert client.files.retrieve(file.id) == file
    assert client.files.content(file.id).content == content


def test_a_deleted_file_is_gone(client: OpenAI) -> None:
    file_id = upload(client, request_lines(1))

    deleted = client.files.delete(file_id)

    assert deleted.deleted
    for call in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError, match=f"No such File object: {file_id}"):
            call(file_id)


def test_files_are_listed_page_by_page_newest_first(client: OpenAI) -> None:
    uploaded = [upload(client, request_lines(1), f"{i}.jsonl") for i in range(5)]

    first_page = client.files.list(limit=2)
    listed = [file.id for file in client.files.list(limit=2)]
    oldest_first = [file.id for file in client.files.list(limit=2, order="asc")]

    assert first_page.has_more
    assert [file.id for file in first_page.data] == uploaded[:2:-1]
    assert listed == uploaded[::-1]
    assert oldest_first == uploaded


def test_files_are_listed_by_purpose(client: OpenAI) -> None:
    batch = run(client, request_lines(1))

    outputs = [file.id for file in client.files.list(purpose="batch_output")]
    inputs = [file.id for file in client.files.list(purpose="batch")]

    assert outputs == [batch.output_file_id]
    assert inputs == [batch.input_file_id]


def test_a_file_expires_when_it_was_asked_to(client: OpenAI) -> None:
    file = client.files.create(
        file=("a.jsonl", b"{}\n"), purpose="batch", expires_after={"anchor": "created_at", "seconds": 3600}
    )

    assert file.expires_at is not None
    assert file.expires_at - file.created_at in {3600, 3601}


def test_an_expired_file_is_gone(
    start: Callable[..., RunningEmulator], connect: Callable[[RunningEmulator], OpenAI]
) -> None:
    client = connect(start(limits=Limits(file_lifetime_s=0.05)))
    file_id = upload(client, request_lines(1))

    time.sleep(0.1)

    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file_id)
    assert client.files.list().data == []


@pytest.mark.parametrize("filename", ["texts.json", "texts", "texts.jsonl.gz"])
def test_a_file_of_another_kind_is_refused(client: OpenAI, filename: str) -> None:
    with pytest.raises(openai.BadRequestError, match=r"Invalid file format for Batch API. Must be .jsonl"):
        client.files.create(file=(filename, b"{}\n"), purpose="batch")


def test_a_hostile_file_name_stays_a_name(client: OpenAI, tmp_path: Path) -> None:
    file = client.files.create(file=("../../../evil\x1b[31m.jsonl", b"{}\n"), purpose="batch")

    assert client.files.content(file.id).content == b"{}\n"
    assert not list(tmp_path.rglob("*evil*"))


def test_another_purpose_is_refused(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refusal:
        client.files.create(file=("a.jsonl", b"{}\n"), purpose="fine-tune")

    assert (refusal.value.param, refusal.value.code) == ("purpose", "invalid_value")


def test_a_file_over_the_limit_is_refused(
    start: Callable[..., RunningEmulator], connect: Callable[[RunningEmulator], OpenAI]
) -> None:
    client = connect(start(limits=Limits(file_bytes=100_000)))

    client.files.create(file=("a.jsonl", b"x" * 100_000), purpose="batch")
    for size in (100_001, 1_000_000):
        with pytest.raises(openai.BadRequestError, match=r"File is too large\."):
            client.files.create(file=("a.jsonl", b"x" * size), purpose="batch")


def test_an_upload_that_tells_no_length_ends_at_the_limit(start: Callable[..., RunningEmulator]) -> None:
    emulator = start(limits=Limits(file_bytes=100_000))
    head = (
        f"POST /v1/files HTTP/1.1\r\nhost: here\r\nauthorization: Bearer {emulator.api_key}\r\n"
        "content-type: multipart/form-data; boundary=x\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    part = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n' + b"x" * 200_000
    with connected(emulator) as connection:
        connection.sendall(head.encode() + b"%x\r\n%b\r\n" % (len(part), part))  # and never an end

        refused = connection.recv(1000)

    assert refused.startswith(b"HTTP/1.1 400 ")


def test_the_emulator_answers_however_many_others_hold_the_line(client: OpenAI, emulator: RunningEmulator) -> None:
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(connected(emulator)).sendall(b"POST /v1/files HTTP/1.1\r\nhost: here\r\n")

        assert client.files.list().data == []


def connected(emulator: RunningEmulator) -> socket.socket:
    address = urlsplit(emulator.base_url)
    return socket.create_connection((str(address.hostname), int(address.port or 0)), 60)


@pytest.mark.parametrize(("limit", "code"), [(0, "integer_below_min_value"), (10_001, "integer_above_max_value")])
def test_a_page_has_its_bounds(client: OpenAI, limit: int, code: str) -> None:
    with pytest.raises(openai.BadRequestError) as refusal:
        client.files.list(limit=limit)

    assert (refusal.value.param, refusal.value.code) == ("limit", code)


def test_a_wrong_key_is_refused(emulator: RunningEmulator, client: OpenAI) -> None:
    stranger = client.with_options(api_key=emulator.api_key[:-1])

    with pytest.raises(openai.AuthenticationError) as refusal:
        stranger.files.list()

    assert refusal.value.code == "invalid_api_key"
    assert emulator.api_key not in str(refusal.value)


def test_what_it_keeps_is_private(client: OpenAI, tmp_path: Path) -> None:
    run(client, request_lines(3))

    kept = list((tmp_path / "emulator").rglob("*"))

    assert (tmp_path / "emulator").stat().st_mode & 0o777 == 0o700
    assert len([path for path in kept if path.is_file()]) >= 3
    for path in kept:
        assert path.stat().st_mode & 0o077 == 0, path
