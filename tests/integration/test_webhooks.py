"""OpenAI's webhooks end the waiting of a run; nothing else that is sent to their address does anything."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

import openai
import psycopg
import pytest
from process_checks import eventually
from promises import CORPUS_FLAGS, check_promises, write_corpus
from psycopg import conninfo, sql
from receivers import receiving
from webhooks import KEY, SECRET, webhook
from workshop import Workshop

from ingest.batches import waiting
from ingest.database.connection import connect
from ingest.database.news import listen
from ingest.emulator import running
from ingest.emulator.webhooks import signed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workshop import Outcome


def event(batch_id: str = "batch_1", kind: str = "batch.completed") -> bytes:
    body = {"object": "event", "id": "evt_1", "type": kind, "created_at": 1, "data": {"id": batch_id}}
    return json.dumps(body).encode()


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """The status that a request is answered with."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def headers(body: bytes, webhook_id: str = "wh_1", *, age_s: int = 0, key: bytes = KEY) -> dict[str, str]:
    return signed(key, webhook_id, int(time.time()) - age_s, body)


@pytest.mark.timeout(120)
def test_a_webhook_ends_the_waiting_of_a_run(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_PAUSE_GROWTH", 1e6)  # the second pause is of ten minutes
    folder = tmp_path / "files"
    with (
        webhook(database_url, tmp_path) as url,
        running(tmp_path / "emulator", latency_s=1, webhook=(url, SECRET)) as emulator,
    ):
        workshop = Workshop(database_url, emulator, folder, tmp_path / "data")
        write_corpus(workshop)
        with workshop.pipeline(**CORPUS_FLAGS | {"poll_seconds": 600}) as pipeline:
            report = pipeline.run([str(folder)])

        assert report.embedded == 11
        check_promises(workshop)


def test_what_is_not_authentic_fresh_and_new_is_refused_and_no_run_hears_of_it(
    database_url: str, tmp_path: Path
) -> None:
    body, other = event(), event("batch_other")
    large, odd, other_kind = b" " * 70_000, event("batch 1'; --"), event(kind="response.completed")
    good = headers(body)
    requests: dict[str, tuple[bytes, dict[str, str]]] = {
        "without a signature": (body, {}),
        "with another key": (body, headers(body, key=b"guessed")),
        "with another body": (other, good),
        "with another id": (body, {**good, "webhook-id": "wh_2"}),
        "with another time": (body, {**good, "webhook-timestamp": str(int(time.time()) + 7)}),
        "with no time": (body, {**good, "webhook-timestamp": "soon"}),
        "with strange letters": (body, {**good, "webhook-signature": "v1,\xe4"}),
        "too old": (body, headers(body, age_s=400)),
        "too new": (body, headers(body, age_s=-400)),
        "too large": (large, headers(large)),
        "no event": (b"[]", headers(b"[]")),
        "no text": (b"\xff", headers(b"\xff")),
        "of no batch": (odd, headers(odd)),
    }

    with webhook(database_url, tmp_path) as url, connect(database_url, None) as connection:
        listen(connection)
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as unfinished:
            unfinished.sendall(b"POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 9\r\n\r\n")
            refused = {name: post(url, *request) for name, request in requests.items()}
            refused["never sent"] = int(unfinished.recv(100).split()[1])
        of_another_kind = post(url, other_kind, headers(other_kind, "wh_3"))
        taken = [post(url, body, good), post(url, body, good), post(url, body, headers(body, age_s=1))]
        last = event("batch_last")
        assert post(url, last, headers(last, "wh_4")) == 200
        told = [each.payload for each in connection.notifies(timeout=60, stop_after=2)]

    assert refused == {
        "without a signature": 400,
        "with another key": 401,
        "with another body": 401,
        "with another id": 401,
        "with another time": 401,
        "with no time": 401,
        "with strange letters": 400,
        "too old": 401,
        "too new": 401,
        "too large": 413,
        "no event": 400,
        "no text": 400,
        "of no batch": 400,
        "never sent": 408,
    }
    assert of_another_kind == 200
    assert taken == [200, 400, 400]
    assert told == ["batch_1", "batch_last"]


def test_an_event_that_cannot_be_passed_on_is_taken_when_it_comes_again(
    server_url: str, database_url: str, tmp_path: Path
) -> None:
    name = str(conninfo.conninfo_to_dict(database_url)["dbname"])
    names = {"name": sql.Identifier(name), "away": sql.Identifier(f"{name}_away")}
    body = event()

    with webhook(database_url, tmp_path) as url, psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER DATABASE {name} RENAME TO {away}").format(**names))
        while_it_is_away = post(url, body, headers(body))
        connection.execute(sql.SQL("ALTER DATABASE {away} RENAME TO {name}").format(**names))
        again = post(url, body, headers(body))

    assert (while_it_is_away, again) == (503, 200)


@pytest.mark.parametrize(
    ("secret", "words"),
    [("", "set OPENAI_WEBHOOK_SECRET"), ("whsec_", "cannot be used"), ("whsec_hush1", "cannot be used")],
)
def test_without_a_secret_of_use_no_webhooks_are_taken(
    secret: str, words: str, database_url: str, ingest: Callable[..., Outcome]
) -> None:
    outcome = ingest("webhook", environment={"DATABASE_URL": database_url, "OPENAI_WEBHOOK_SECRET": secret})

    assert outcome.status == 2
    assert words in outcome.err
    assert "hush" not in outcome.err


def test_the_emulator_signs_its_webhooks_and_sends_them_until_they_are_taken(tmp_path: Path, database_url: str) -> None:
    with (
        receiving() as elsewhere,
        receiving() as receiver,
        running(tmp_path / "emulator", webhook=(f"http://{receiver.address}/hook", SECRET)) as emulator,
    ):
        receiver.statuses, receiver.location = [500, 302], f"http://{elsewhere.address}/"
        workshop = Workshop(database_url, emulator, tmp_path / "files", tmp_path / "data")
        write_corpus(workshop, 3)
        with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
            pipeline.run([str(tmp_path / "files")])
        eventually(lambda: len(receiver.received) == 3)

    with openai.OpenAI(api_key="none", webhook_secret=SECRET) as client:
        events: list[Any] = [client.webhooks.unwrap(each.body, each.headers) for each in receiver.received]
    [(batch_id,)] = workshop.query("SELECT provider_batch_id FROM batches")
    assert {(each.type, each.data.id) for each in events} == {("batch.completed", batch_id)}
    assert len({each.headers["webhook-id"] for each in receiver.received}) == 1
    assert elsewhere.received == []


def test_the_emulator_sends_webhooks_to_no_address_with_credentials(ingest: Callable[..., Outcome]) -> None:
    environment = {"OPENAI_WEBHOOK_SECRET": SECRET}
    outcome = ingest("emulator", "--port", "0", "--webhook-url", "http://me:hush@127.0.0.1:1", environment=environment)

    assert outcome.status == 2
    assert "holds no credentials" in outcome.err
    assert "hush" not in outcome.err


def test_the_emulator_needs_the_secret_to_send_webhooks(ingest: Callable[..., Outcome]) -> None:
    outcome = ingest("emulator", "--port", "0", "--webhook-url", "http://127.0.0.1:1")

    assert outcome.status == 2
    assert "OPENAI_WEBHOOK_SECRET" in outcome.err


@pytest.mark.parametrize(
    "said",
    [b"", b"POST / HTTP/1.1\r\nhost: here\r\n", b"POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 999\r\n\r\n{"],
    ids=["nothing", "half a head", "half a body"],
)
def test_a_webhook_is_taken_however_many_others_hold_the_line(said: bytes, database_url: str, tmp_path: Path) -> None:
    with webhook(database_url, tmp_path) as url, ExitStack() as stack, connect(database_url, None) as connection:
        listen(connection)
        host, port = url.removeprefix("http://").split(":")
        for _ in range(200):
            with suppress(ConnectionError):
                stack.enter_context(socket.create_connection((host, int(port)))).sendall(said)

        taken = [post(url, body, headers(body, f"wh_{number}")) for number in range(3) for body in [event()]]

        told = [each.payload for each in connection.notifies(timeout=30, stop_after=3)]
    assert (taken, told) == ([200, 200, 200], ["batch_1"] * 3)


def test_endless_chunks_and_requests_in_a_row_keep_no_webhook_out(database_url: str, tmp_path: Path) -> None:
    body = event()
    sent = "".join(f"{name}: {value}\r\n" for name, value in headers(body).items())
    whole = f"POST / HTTP/1.1\r\nhost: here\r\ncontent-length: {len(body)}\r\n{sent}\r\n".encode() + body
    with webhook(database_url, tmp_path) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), 30) as row:
            row.sendall(whole * 20)
            heard = b""
            while heard.count(b"HTTP/1.1 ") < 20:
                heard += row.recv(65_536)
        with socket.create_connection((host, int(port)), 30) as endless:
            endless.sendall(b"POST / HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n")
            for _ in range(70_000):
                endless.sendall(b"1;x=y\r\na\r\n")
            refused = endless.recv(100)
        again = post(url, body, headers(body, "wh_2"))

    assert (heard.count(b" 200 OK"), heard.count(b" 400 Bad Request")) == (1, 19)
    assert refused.startswith(b"HTTP/1.1 413 ")
    assert again == 200
