"""What is attached to e-mail, read as documents of their own."""

from __future__ import annotations

from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest
from pdf_files import PdfPage, pdf_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Outcome, Workshop

    Ingest = Callable[..., Outcome]

PDF = pdf_file([PdfPage().text(72, 100, "The invoice is of three hundred euros."), PdfPage().text(72, 100, "Thanks.")])
NOTE = b"# Note\n\nThese words are attached.\n"
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4


def message(*files: tuple[str, bytes], subject: str = "Plan for Monday") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Ana <ana@example.org>", "b@example.org", subject
    mail["Date"] = "Mon, 01 Jan 2024 10:00:00 +0100"
    mail.set_content("See what is attached.")
    for name, content in files:
        mail.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return mail


@pytest.fixture
def run(ingest: Ingest, workshop: Workshop, environment: dict[str, str]) -> Callable[..., Outcome]:
    workshop.folder.mkdir(exist_ok=True)
    variables = environment | {"INGEST_ATTACHMENTS": "true"}

    def run(*flags: str, **more: str) -> Outcome:
        return ingest("run", workshop.folder, "--dimensions", "64", *flags, environment=variables | more)

    return run


def documents(workshop: Workshop) -> dict[str, dict[str, object]]:
    rows = workshop.query("SELECT uri, metadata FROM documents ORDER BY uri")
    return {uri.rpartition("/files/")[2]: metadata for uri, metadata in rows}


def test_each_is_a_document_changed_and_gone_by_itself(run: Callable[..., Outcome], workshop: Workshop) -> None:
    path = workshop.folder / "m.eml"
    files = [("invoice.pdf", PDF), ("note.md", NOTE), ("note.md", NOTE + b"And more."), ("photo.png", PICTURE)]
    path.write_bytes(message(*files).as_bytes())

    off = run(INGEST_ATTACHMENTS="false")
    before = documents(workshop)
    first = run("-v")
    found = documents(workshop)
    pages = workshop.query(
        "SELECT first_page, last_page FROM chunks JOIN documents d ON d.id = document_id WHERE uri LIKE '%%pdf'"
    )
    paid = workshop.emulator.ledger()["texts"]
    path.write_bytes(message(*files[:2], ("note.md", b"Other words."), files[3]).as_bytes())
    changed = run("--json").json
    again = run("--json").json
    path.unlink()
    workshop.write("other.md", "Something else.")
    gone = run("--json").json

    assert off.status == first.status == 0, first.err
    assert "4 attached, not read" in off.out + str(before)
    assert list(before) == ["m.eml"]
    assert list(found) == ["m.eml", "m.eml#invoice.pdf", "m.eml#note.md", "m.eml#note.md~2"]
    assert found["m.eml#invoice.pdf"] | {"bytes": 0} == {
        "subject": "Plan for Monday",
        "from": "Ana <ana@example.org>",
        "to": "b@example.org",
        "date": "2024-01-01T10:00:00+01:00",
        "message": (workshop.folder / "m.eml").as_uri(),
        "attachment": "invoice.pdf",
        "bytes": 0,
    }
    assert pages == [(1, 2)]
    assert (changed["sync"]["documents_changed"], changed["sync"]["documents_new"]) == (1, 0)
    assert workshop.emulator.ledger()["texts"] == paid + 2  # "Other words.", and other.md
    assert (again["sync"]["documents_changed"], again["tokens"]) == (0, 0)
    assert gone["sync"]["documents_gone"] == 4


def test_messages_in_messages_and_in_mailboxes(run: Callable[..., Outcome], workshop: Workshop) -> None:
    inner = message(("deep.md", NOTE), subject="Inner")
    outer = message(("inner.eml", inner.as_bytes()), ("bad.pdf", b"%PDF-1.4 nothing"), ("full.zip", b"PK\x03\x04 none"))
    outer["Message-ID"] = "<1@example.org>"
    (workshop.folder / "box.mbox").write_bytes(
        b"From a@example.org Mon Jan  1 10:00:00 2024\n" + outer.as_bytes() + b"\n"
    )

    outcome = run("-v")

    found = documents(workshop)
    assert list(found) == [
        "box.mbox#1%40example.org",
        "box.mbox#1%40example.org/inner.eml",
        "box.mbox#1%40example.org/inner.eml/deep.md",
    ]
    assert found["box.mbox#1%40example.org/inner.eml/deep.md"]["subject"] == "Inner"
    assert outcome.status == 1
    assert "bad.pdf" in outcome.out
    assert "full.zip" in outcome.out + outcome.err
