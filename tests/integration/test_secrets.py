"""A server repeats our key wherever it can put a word; then nothing that is ours holds it, or a part of it."""

from __future__ import annotations

import base64
import json
import logging
import traceback
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import openai._base_client
import psycopg
import pytest
from psycopg import conninfo, sql
from receivers import receiving
from spoiling import Answer, Spoiler, spoiling
from workshop import Workshop

from ingest import Pipeline, cli
from ingest.emulator import Fault, running
from ingest.errors import IngestError
from ingest.provider.answers import httpx
from ingest.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = "sk-proj-Zq7+/vB9=%&Fe3jKdR2w~Xn8_LmT5"
PASSWORD = "Tr0ub4dor&3-c0rrect/h0rse"
WEBHOOK_SECRET = f"whsec_{base64.b64encode(b'a secret that nobody else has').decode()}"
SECRETS = (KEY, PASSWORD, WEBHOOK_SECRET)
PART = 9  # characters in a row of a secret are too much


def forms(secret: str) -> str:
    """A secret as a server may repeat it."""
    packed = [base64.b64encode(f"{before}{secret}".encode()).decode() for before in ("", ":", "me:")]
    return " ".join(
        [secret, quote(secret, safe=""), quote_plus(secret), *packed, f"{secret[:14]}…{secret[-12:]}", secret.upper()]
    )


SAID = f"You sent {' and '.join(map(forms, SECRETS))}, Bearer AbCdEfGh12345678, AKIAIOSFODNN7EXAMPLE."
IN_A_HEADER = quote(SAID, safe=" :/+=%&~_,-") + " " + KEY


def told_of(text: str) -> list[str]:
    """What of the secrets, and of keys of known forms, stands in a text."""
    wanted = {
        form[place : place + PART]
        for secret in SECRETS
        for packed in [base64.b64encode(f"{before}{secret}".encode()).decode() for before in ("", ":", "me:")]
        for form in (secret, secret.upper(), quote(secret, safe=""), packed[6:-6])
        for place in range(len(form) - PART + 1)
    }
    return sorted(part for part in {*wanted, "AbCdEfGh12345678", "AKIAIOSFODNN7EXAMPLE"} if part in text)


def refusal(status: int) -> Callable[[Answer], Answer]:
    error = {"message": SAID, "type": KEY, "code": KEY, "param": KEY}
    body = json.dumps({"error": error}).encode()
    return lambda _: Answer(status, {"content-type": "application/json", "retry-after-ms": "1", "x-key": KEY}, body)


def page(status: int) -> Callable[[Answer], Answer]:
    body = f"<html><title>{SAID}</title><body>{SAID}</body></html>".encode()
    return lambda _: Answer(status, {"content-type": "text/html", "server": KEY}, body)


def in_fields(*names: str) -> Callable[[Answer], Answer]:
    """The answer as it is, but the key stands in these fields too, and in some that nobody knows."""

    def add(value: object) -> object:
        if isinstance(value, dict):
            told = {
                key: f"{part}{KEY}" if key in names and isinstance(part, str) else add(part)
                for key, part in value.items()
            }
            return told | {"x_key": SAID, KEY: KEY}
        return [add(part) for part in value] if isinstance(value, list) else value

    def spoil(answer: Answer) -> Answer:
        headers = answer.headers | dict.fromkeys(("x-request-id", "openai-organization", "set-cookie"), IN_A_HEADER)
        try:
            return answer._replace(headers=headers, body=json.dumps(add(json.loads(answer.body))).encode())
        except ValueError:
            return answer._replace(headers=headers)

    return spoil


def failed(answer: Answer) -> Answer:
    """A batch that failed, for many reasons that hold the key."""
    batch = json.loads(answer.body)
    errors = {"data": [{"code": KEY, "message": SAID, "line": 1, "param": KEY}]}
    told = batch | {"status": "failed", "errors": errors, "metadata": batch.get("metadata", {}) | {"key": KEY}}
    return answer._replace(body=json.dumps(told).encode())


def refused_lines(answer: Answer) -> Answer:
    """A result file of which each line was refused, with the key as the reason."""
    lines = []
    for line in answer.body.splitlines():
        error = {"message": SAID, "code": KEY, "type": KEY}
        body = {"status_code": 400, "body": {"error": error}}
        lines.append(json.dumps({"custom_id": json.loads(line)["custom_id"], "response": body}))
    return answer._replace(body="\n".join([*lines, ""]).encode())


REFUSALS = {f"refused with {status}": refusal(status) for status in (400, 401, 403, 404, 409, 429, 500)}
PLACES: dict[str, Callable[[Answer], Answer]] = REFUSALS | {
    "a page": page(200),
    "a page with 502": page(502),
    "words": lambda answer: answer._replace(body=SAID.encode()),
    "fields and headers": in_fields("filename", "purpose", "object"),
    "ids": in_fields("id", "input_file_id", "output_file_id"),
    "a status": in_fields("status"),
    "redirected": lambda _: Answer(302, {"location": f"/v1/{quote(KEY, safe='')}?{quote(SAID, safe='')}"}, b""),
}
CALLS: dict[str, tuple[tuple[str, str], list[Fault]]] = {
    "upload": (("POST", "files"), []),
    "list_files": (("GET", "files"), [Fault("drop_after_upload", count=1)]),
    "create": (("POST", "batches"), []),
    "list_batches": (("GET", "batches"), [Fault("drop_after_create", count=1)]),
    "retrieve": (("GET", "batches/*"), []),
    "retrieve_file": (("GET", "files/*"), []),
    "content": (("GET", "files/*/content"), []),
    "delete_file": (("DELETE", "files/*"), []),
    "cancel": (("POST", "batches/*/cancel"), [Fault("stuck_in_progress")]),
    "embeddings": (("POST", "embeddings"), []),
}
OF_ONE_CALL = {"retrieve": {"a failed batch": failed}, "content": {"refused lines": refused_lines}}
SETTINGS = {
    "INGEST_DIMENSIONS": "8",
    "INGEST_MAX_BATCH_REQUESTS": "4",
    "INGEST_CHUNK_TOKENS": "32",
    "INGEST_LIST_LAG_SECONDS": "0.01",
    "INGEST_REFUSED_WAIT_SECONDS": "0.01",
    "INGEST_RETRY_WAIT_SECONDS": "0",
    "INGEST_POLL_SECONDS": "0.01",
    "INGEST_CLEAN": "1",
    "COLUMNS": "100000",
}


@pytest.fixture
def shop(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Workshop, Spoiler]]:
    """A provider with a key that is worth hiding, a database with such a password, and quick retries."""
    monkeypatch.setattr(openai._base_client, "INITIAL_RETRY_DELAY", 0.001)
    monkeypatch.setattr(openai._base_client, "MAX_RETRY_DELAY", 0.002)
    monkeypatch.setattr("ingest.batches.submitter._FIRST_WAIT_S", 0.001)
    monkeypatch.setattr("ingest.batches.submitter._LONGEST_WAIT_S", 0.002)
    monkeypatch.setattr("ingest.batches.downloads._PAUSE_S", 0.001)
    monkeypatch.setattr("ingest.batches.sync_mode._FIRST_WAIT_S", 0.001)
    monkeypatch.setattr("ingest.batches.sync_mode._LONGEST_WAIT_S", 0.002)
    folder = tmp_path / "files"
    folder.mkdir()
    with running(tmp_path / "emulator", api_key=KEY) as emulator, spoiling(emulator.base_url) as spoiler:
        workshop = Workshop(database_url, emulator, folder, tmp_path / "data")
        given = {
            "DATABASE_URL": with_password(database_url),
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": spoiler.base_url,
            "OPENAI_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "INGEST_DATA_DIR": str(workshop.data_dir),
        }
        for variable, value in (SETTINGS | given).items():
            monkeypatch.setenv(variable, value)
        yield workshop, spoiler


def with_password(url: str) -> str:
    """The URL with a password, where it has none: the embedded server asks for none."""
    return url if "password" in conninfo.conninfo_to_dict(url) else conninfo.make_conninfo(url, password=PASSWORD)


def ingest(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The program, in this process: its exit status."""
    monkeypatch.setattr("sys.argv", ["ingest", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def all_of_it(workshop: Workshop) -> str:
    """What the database and the files of the data folder hold."""
    files = [path.read_text(errors="replace") for path in workshop.data_dir.rglob("*") if path.is_file()]
    return "\n".join([workshop.whole_database(), *files])


SOME_PLACES = 2  # for each call, in turn; all of them with --all-pairs, so many at a time


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "places" not in metafunc.fixturenames:
        return
    names, chosen = list(PLACES), []
    for number, call in enumerate(CALLS):
        own = list(OF_ONE_CALL.get(call, {}))
        if metafunc.config.getoption("--all-pairs"):
            all_names = names + own
            some = [all_names[first : first + SOME_PLACES] for first in range(0, len(all_names), SOME_PLACES)]
        else:
            some = [[names[(number * SOME_PLACES + more) % len(names)] for more in range(SOME_PLACES)] + own]
        chosen += [(call, {name: (PLACES | OF_ONE_CALL.get(call, {}))[name] for name in group}) for group in some]
    metafunc.parametrize(("call", "places"), chosen, ids=["-".join([call, *places]) for call, places in chosen])


def test_nothing_that_is_ours_tells_a_secret_that_a_server_repeats(
    shop: tuple[Workshop, Spoiler],
    call: str,
    places: dict[str, Callable[[Answer], Answer]],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    workshop, spoiler = shop
    for library in ("openai", httpx.__name__):
        caplog.set_level(logging.DEBUG, library)
    run = ["run", workshop.folder, "--yes", *(["--mode", "sync"] if call == "embeddings" else [])]
    spoiler.call, faults = CALLS[call]
    for number, (place, spoil) in enumerate(places.items()):
        workshop.write(f"{number}.txt", f"This is document number {number}, and nothing else is.")
        workshop.emulator.set_faults(*faults)
        spoiler.spoil, spoiler.spoilt = spoil, 0
        spoiler.count = 2 if place == "a status" else None  # one that nobody knows may become another
        if call == "cancel":
            ingest(monkeypatch, "sync", workshop.folder)
            ingest(monkeypatch, "submit", "--yes")
            ingest(monkeypatch, "cancel")
        else:
            ingest(monkeypatch, *run)
        ingest(monkeypatch, *(["search", "document"] if call == "embeddings" else ["doctor", "--json"]))
        ingest(monkeypatch, "status", "--json")
        ingest(monkeypatch, "report", workshop.data_dir / "report.html")

        printed = "".join(capfd.readouterr())
        assert spoiler.spoilt > 0, (place, printed)
        assert told_of(printed) == [], (place, printed)
        assert told_of(caplog.text) == [], (place, caplog.text)
        assert told_of(all_of_it(workshop)) == [], (place, all_of_it(workshop))
        caplog.clear()
        spoiler.count = 0
        workshop.emulator.set_faults()
        ingest(monkeypatch, *run)
        capfd.readouterr()


def told_by(error: BaseException | None) -> str:
    """All that an application may log of an error, and of those that led to it."""
    if error is None:
        return ""
    words = [*traceback.format_exception(error), repr(error), str(vars(error))]
    return "".join([*words, told_by(error.__cause__), told_by(error.__context__)])


@pytest.mark.parametrize(
    ("call", "spoil"), [("upload", refusal(401)), ("content", page(200)), ("embeddings", refusal(500))]
)
def test_what_an_application_logs_of_an_error_tells_no_secret(
    shop: tuple[Workshop, Spoiler],
    call: str,
    spoil: Callable[[Answer], Answer],
    caplog: pytest.LogCaptureFixture,
) -> None:
    workshop, spoiler = shop
    workshop.write("a.txt", "One text.")
    spoiler.call, spoiler.spoil = CALLS[call][0], spoil
    caplog.set_level(logging.DEBUG)

    with (
        pytest.raises(IngestError) as raised,
        Pipeline(load_settings({"mode": "sync" if call == "embeddings" else "batch"})) as pipeline,
    ):
        pipeline.run([str(workshop.folder)])

    assert spoiler.spoilt > 0
    assert "receive_response_headers.complete" in caplog.text
    assert told_of(caplog.text) == []
    assert told_of(told_by(raised.value)) == []


def test_nothing_that_is_ours_tells_a_secret_that_a_database_repeats(
    shop: tuple[Workshop, Spoiler], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    workshop, _ = shop
    workshop.write("a.txt", "One text.")
    ingest(monkeypatch, "sync", workshop.folder)
    with psycopg.connect(workshop.database_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL(
                "CREATE FUNCTION public.tell() RETURNS trigger LANGUAGE plpgsql AS {};"
                "CREATE TRIGGER tell BEFORE INSERT ON corpus.documents FOR EACH ROW EXECUTE FUNCTION public.tell()"
            ).format(sql.Literal(f"BEGIN RAISE EXCEPTION USING MESSAGE = {sql.Literal(SAID).as_string()}; END"))
        )
    workshop.write("b.txt", "Another text.")
    capfd.readouterr()

    for more in ([], ["--json"], ["--log-format=json"]):
        ingest(monkeypatch, "run", workshop.folder, "-v", *more)

    printed = "".join(capfd.readouterr())
    assert printed.count("PostgreSQL refuses it: You sent [secret removed]") == 3
    assert told_of(printed) == []


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_a_notice_tells_no_secret(
    shop: tuple[Workshop, Spoiler], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    workshop, spoiler = shop
    workshop.write("a.txt", "One text.")
    spoiler.call, spoiler.spoil = ("POST", "files"), refusal(401)
    with receiving() as receiver:
        ingest(
            monkeypatch, "run", workshop.folder, "--yes", "--notify", f"json://me:{PASSWORD[:9]}@{receiver.address}/"
        )

    (notice,) = receiver.received
    assert b"refuses the key" in notice.body
    assert told_of(notice.body.decode()) == []
    assert told_of("".join(capfd.readouterr())) == []


@pytest.mark.parametrize(
    "scheme", ["https", "crawl+https", "sitemap+https", "feed+https", "git+https", "git+ssh", "s3"]
)
@pytest.mark.parametrize("who", [f"me:{quote(PASSWORD, safe='')}", f"me:{quote(PASSWORD, safe='')}@h:port"])
def test_a_password_in_the_url_of_a_source_is_told_and_kept_nowhere(
    workshop: Workshop, scheme: str, who: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = f"{scheme}://{who}@127.0.0.1:9/a.git"
    for name, value in workshop.flags.items():
        monkeypatch.setenv(f"INGEST_{name.upper()}", str(value))
    for flags in ([], ["--json", "-v"]):
        monkeypatch.setattr("sys.argv", ["ingest", "sync", given, *flags])
        with pytest.raises(SystemExit) as ended:
            cli.main()

        assert ended.value.code == 2
        told = "".join(capsys.readouterr())
        assert "Tr0ub4dor" not in told
        assert told_of(told) == []
    assert "Tr0ub4dor" not in workshop.whole_database()
