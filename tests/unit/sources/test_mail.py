"""E-mail as mailers write it: all its text, in its order, in whatever encoding; what is attached is named."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from ingest.sources.extraction.formats import Format, format_of
from ingest.sources.extraction.mail import message_of

if TYPE_CHECKING:
    from ingest.sources.extraction.extracted import Extracted

SPANISH = "Señor, el café está listo. Größe: 10 €."
HEAD = b"From: Ana <ana@example.org>\nTo: Bo <bo@example.org>\nDate: Mon, 1 Jan 2024 10:00:00 +0000\n"
PLAIN = "BEFORE the picture: here is the site."


def mail(headers: str, body: str | bytes) -> Extracted:
    content = body if isinstance(body, bytes) else body.encode()
    return message_of(HEAD + headers.encode() + b"\n\n" + content)


def said(found: Extracted) -> str:
    """The text below the headers."""
    return found.text.split("\n\n", 1)[1].strip() if "\n\n" in found.text else found.text


def parts(kind: str, *each: str) -> tuple[str, str]:
    return f"Content-Type: multipart/{kind}; boundary=b", "".join(f"--b\n{part}\n" for part in each) + "--b--\n"


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [
        ("", "utf-8"),
        ("", "cp1252"),
        ("us-ascii", "utf-8"),
        ("utf-8", "cp1252"),
        ("iso-8859-1", "cp1252"),
        ("iso-8859-1", "utf-8"),
        ("no-such", "utf-8"),
        ("utf-8;", "utf-8"),
        ("unicode-1-1-utf-7", "utf-7"),
        ("x-mac-roman", "mac-roman"),
        ('"windows-1252"', "cp1252"),
        ("cp-1252", "cp1252"),
    ],
)
@pytest.mark.parametrize("packed", ["8bit", "base64", "quoted-printable"])
def test_a_text_is_read_whatever_is_said_of_its_encoding(charset: str, encoding: str, packed: str) -> None:
    text = SPANISH.encode(encoding)
    if packed == "base64":
        text = base64.encodebytes(text)
    elif packed == "quoted-printable":
        text = b"".join(b"=%02x" % byte if byte > 126 or byte == 61 else b"%c" % byte for byte in text)
    kind = f"text/plain; charset={charset}" if charset else "text/plain"

    found = mail(f"Content-Type: {kind}\nContent-Transfer-Encoding: {packed}", text)

    assert said(found) == SPANISH


@pytest.mark.parametrize(
    ("charset", "encoding", "text"),
    [("136", "big5", "臺北的天氣很好"), ("x-sjis", "cp932", "①日本語"), ("ks_c_5601-1987", "cp949", "한국어 문서")],
)
def test_a_charset_goes_by_many_names(charset: str, encoding: str, text: str) -> None:
    assert said(mail(f"Content-Type: text/plain; charset={charset}", text.encode(encoding))) == text


def test_text_after_a_picture_is_read_and_the_picture_named() -> None:
    headers, body = parts(
        "mixed",
        f"Content-Type: text/plain; charset=us-ascii\n\n{PLAIN}",
        "Content-Type: image/jpeg; name=site.jpg\nContent-Transfer-Encoding: base64\n"
        "Content-Disposition: inline; filename=site.jpg\n\n/9j/4AAQ",
        "Content-Type: text/plain; charset=us-ascii\n\nAFTER the picture.",
        "Content-Type: text/html\n\n<p>A mailing list&apos;s <b>footer</b>.</p>",
    )

    found = mail(headers, body)

    assert said(found) == f"{PLAIN}\n\nAFTER the picture.\n\nA mailing list's **footer**."
    assert "- Attachment: site.jpg" in found.text
    assert [loss.words for loss in found.losses] == ["1 attached, not read: site.jpg"]


@pytest.mark.parametrize(
    ("plain", "html", "text"),
    [
        (PLAIN, f"<p>{PLAIN}</p>", PLAIN),
        ("", "<p>Only here.</p>", "Only here."),
        (
            "Your mail program does not show HTML.",
            "<p>All of the news of the week, told here.</p>",
            "All of the news of the week, told here.",
        ),
        ("Hello.", f"<p>{'many words more ' * 9}end</p>", "many words more " * 9 + "end"),
    ],
)
def test_the_plain_part_is_read_unless_it_says_nothing(plain: str, html: str, text: str) -> None:
    headers, body = parts("alternative", f"Content-Type: text/plain\n\n{plain}", f"Content-Type: text/html\n\n{html}")

    assert said(mail(headers, body)) == text


def test_a_forwarded_message_is_part_of_the_text() -> None:
    inner = (
        "Subject: =?utf-8?q?Gr=C3=B6=C3=9Fe?=\nFrom: Cleo <c@example.org>\nContent-Type: text/plain; charset=latin-1\n"
    )
    headers, body = parts(
        "mixed", "Content-Type: text/plain\n\nSee below.", "Content-Type: message/rfc822\n\n" + inner + "\nInner words."
    )

    found = mail(headers + "\nSubject: Outer", body)

    assert found.title == "Outer"
    assert "## Größe" in found.text
    assert "- From: Cleo <c@example.org>" in found.text
    assert found.text.endswith("Inner words.")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("=?utf-8?Q?Gr=C3=B6=C3=9Fe?=", "Größe"),
        ("=?utf-8?Q?Hello world?= and more", "Hello world and more"),
        ("=?utf-8?B?R3LDtsOfZQ?=", "Größe"),
        ("=?utf-8?B?R3LD?= =?utf-8?B?tsOfZQ==?=", "Größe"),
        ("=?utf-8?Q?Gr=C3?=\n =?utf-8?Q?=B6=C3=9Fe?=", "Größe"),
        ('"=?iso-8859-1?Q?Gr=F6=DFe?="', '"Größe"'),
        ("Re:=?iso-8859-1?Q?Gr=F6=DFe?=!", "Re:Größe!"),
        ("=?utf-8*de?Q?Gr=C3=B6=C3=9Fe?=", "Größe"),
        ("=?no-such?Q?Gr=C3=B6=C3=9Fe?=", "Größe"),
        ("=?us-ascii?Q?Gr=F6=DFe?=", "Größe"),
        ("=?utf-8?Q?what?=20now??=", "what? now?"),
        ("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        ("=?utf-8?X?broken?= a=b", "=?utf-8?X?broken?= a=b"),
        ("Größe", "Größe"),
    ],
)
def test_a_subject_is_read_however_it_is_encoded(raw: str, text: str) -> None:
    assert mail(f"Subject: {raw}", "words").title == text


def test_a_header_in_bytes_that_nobody_names_is_detected() -> None:
    assert message_of(b"Subject: caf\xe9 \xfcber\nFrom: a@b\n\nwords").title == "café über"


@pytest.mark.parametrize(
    "disposition",
    [
        "attachment; filename*=utf-8''Gr%C3%B6%C3%9Fe.pdf",
        "attachment; filename*0*=utf-8''Gr%C3%B6; filename*1*=%C3%9Fe.pdf",
        'attachment; filename="=?utf-8?Q?Gr=C3=B6=C3=9Fe.pdf?="',
        "attachment; filename=Größe.pdf",
    ],
)
def test_an_attachment_is_named(disposition: str) -> None:
    headers, body = parts(
        "mixed",
        "Content-Type: text/plain\n\nWords.",
        f"Content-Type: application/pdf\nContent-Disposition: {disposition}\n\nxx",
    )

    found = mail(headers, body)

    assert "- Attachment: Größe.pdf\n" in found.text
    assert found.text.endswith("\n\nWords.")


def test_flowed_paragraphs_are_whole_again() -> None:
    text = "One paragraph \nthat goes on.\n> quoted \n> words\n\n-- \nAna\n From the start"

    assert said(mail("Content-Type: text/plain; format=flowed", text)) == (
        "One paragraph that goes on.\n> quoted words\n\n-- \nAna\nFrom the start"
    )
    assert said(mail("Content-Type: text/plain; format=flowed; delsp=yes", "日本 \n語")) == "日本語"


def test_damage_on_the_way_does_not_spoil_the_rest() -> None:
    assert said(mail("Content-Type: text/plain", "caf=C3=A9 f=C3=BCr =\nalle")) == "café für alle"
    quoted = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable"
    assert said(mail(quoted, "1 =3D 1, 50 =% of caf=c3=a9 = \nnow")) == "1 = 1, 50 =% of café now"
    packed = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64"
    assert said(mail(packed, base64.b64encode(b"Hello there, you").decode() + "\n\nfooter of a list")) == (
        "Hello there, you\n\nfooter of a list"
    )
    uuencoded = "See:\nbegin 644 a.bin\n#0V%T\n`\nend\nBye."
    assert said(mail("Content-Type: text/plain", uuencoded)) == "See:\n- Attachment: a.bin\nBye."


def test_what_is_encrypted_is_told() -> None:
    headers, body = parts("encrypted", "Content-Type: application/pgp-encrypted\n\nVersion: 1")

    assert [loss.words for loss in mail(headers, body).losses] == ["a part is encrypted"]


def test_a_signed_message_is_its_text() -> None:
    headers, body = parts(
        "signed", "Content-Type: text/plain\n\nWords.", "Content-Type: application/pgp-signature; name=s.asc\n\nxx"
    )

    assert (said(mail(headers, body)), mail(headers, body).losses) == ("Words.", ())


@pytest.mark.parametrize(
    "head",
    [
        b"Delivered-To: a@example.com\nReturn-path: <b@example.com>\nReceived-SPF: pass\n spf\n",
        b"Received: from a by b\nAuthentication-Results: mx; spf=none\nReceived-SPF: none\nX-IPAS-Result: x\n",
        b"DKIM-Signature: v=1\nARC-Seal: i=1\nX-Spam: no\n",
    ],
)
def test_a_message_is_known_by_what_servers_wrote_above_it(head: bytes) -> None:
    assert format_of("", head) is Format.EMAIL


def test_a_report_that_a_message_was_not_delivered_says_why() -> None:
    report = (
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\nAction: failed\nStatus: 5.1.1"
    )
    original = "Content-Type: text/rfc822-headers\n\nSubject: The plan for Friday"
    found = mail(*parts("report", "Content-Type: text/plain\n\nIt could not be delivered.", report, original))

    assert said(found).splitlines() == [
        "It could not be delivered.",
        "",
        "- Reporting-MTA: dns; mx.example.org",
        "- Action: failed",
        "- Status: 5.1.1",
        "",
        "Subject: The plan for Friday",
    ]
    assert found.losses == ()


def test_a_page_of_html_that_is_not_called_one_is_read_as_one() -> None:
    assert said(mail("", "<html><body><p>The plan for <i>Friday</i></p></body></html>")) == "The plan for *Friday*"


def test_text_between_marks_that_nothing_announced_is_read() -> None:
    found = mail('Content-Type: multipart/mixed; boundary="other"', "--mark\n\nThe plan for Friday\n--mark--")

    assert "The plan for Friday" in said(found)
