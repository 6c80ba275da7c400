"""Mailboxes: each message a document, in mbox and in Maildir."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingest.sources.files import Files
from ingest.sources.local_file import SourceFile
from ingest.sources.mailbox import MailMessage

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 16_777_216


@pytest.mark.parametrize("name", ["Archive.mbox", "INBOX"])
def test_each_message_of_a_mailbox_is_a_document(tmp_path: Path, name: str) -> None:
    message = "From: a@example.org\nTo: b@example.org\nSubject: {0}\nMessage-ID: <{0}@example.org>\n\n{1}\n\n"
    bodies = {"one": "Words.\nFrom here on, more.", "two": ">From the start."}
    texts = [message.format(*each) for each in (*bodies.items(), ("one", "Again."))]
    box = "".join(f"From a@example.org Mon Jan  1 10:00:00 2024\n{text}" for text in texts)
    (tmp_path / name).write_text(box)

    found = [item.read(MAX_BYTES) for item in Files([str(tmp_path)]).items() if isinstance(item, MailMessage)]

    assert [document.uri.partition("#")[2] for document in found] == [
        "one%40example.org",
        "two%40example.org",
        "one%40example.org~2",
    ]
    assert [document.title for document in found] == ["one", "two", "one"]
    assert [document.text.strip().rpartition("\n\n")[2] for document in found] == [
        "Words.\nFrom here on, more.",
        "From the start.",
        "Again.",
    ]


def test_the_messages_of_a_maildir_are_e_mail(tmp_path: Path) -> None:
    for folder in ("cur", "new", "tmp"):
        (tmp_path / folder).mkdir()
    headers = "Return-Path: <a@example.org>\nFrom: a@example.org\nTo: b@example.org\nSubject: Plan\n"
    (tmp_path / "cur" / "1700000000.M1P2.host:2,S").write_text(f"{headers}\nWords.\n")
    (tmp_path / "new" / "1700000001.M1P3.host").write_text(
        f"From a@example.org Mon Jan  1 10:00:00 2024\n{headers}\nMore.\n"
    )

    found = [item.read(MAX_BYTES) for item in Files([str(tmp_path)]).items() if isinstance(item, SourceFile)]

    assert [(document.title, document.text.strip().rpartition("\n\n")[2]) for document in found] == [
        ("Plan", "Words."),
        ("Plan", "More."),
    ]
