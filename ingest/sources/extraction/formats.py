"""Which format a file is in: by what stands in it, then by its name. Pure."""

from __future__ import annotations

import io
import re
from enum import StrEnum

from ingest.model import Syntax
from ingest.sources.extraction.docbook import is_docbook
from ingest.sources.text import BINARY, UnreadableError, syntax_of

SNIFFED_BYTES = 8192
# A document's parts unpacked; a file of 16 MB may hold a thousand times as much.
_MAX_UNPACKED_BYTES = 500_000_000
_MAX_PARTS = 10_000


class Format(StrEnum):
    """What text must be extracted from; of each family of packages only the worker looks which member it is."""

    HTML = "HTML"
    EMAIL = "e-mail"
    PDF = "PDF"
    PACKAGE = "package"  # a ZIP archive: DOCX, PPTX, XLSX, EPUB
    COMPOUND = "compound"  # Microsoft's older container: XLS, MSG, and what is encrypted
    RTF = "RTF"
    NOTEBOOK = "notebook"
    DOCBOOK = "DocBook"


_MAGIC = (
    (b"%PDF-", Format.PDF),
    (b"PK\x03\x04", Format.PACKAGE),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Format.COMPOUND),
    (b"{\\rtf", Format.RTF),
)
_SUFFIXES = {
    **dict.fromkeys((".html", ".htm", ".xhtml"), Format.HTML),
    ".eml": Format.EMAIL,
    ".pdf": Format.PDF,
    **dict.fromkeys(
        ".docx .docm .pptx .pptm .ppsx .xlsx .xlsm .epub .odt .ods .odp .ott .ots .otp".split(), Format.PACKAGE
    ),
    **dict.fromkeys((".xls", ".msg", ".doc", ".ppt"), Format.COMPOUND),
    ".rtf": Format.RTF,
    ".ipynb": Format.NOTEBOOK,
    **dict.fromkeys((".dbk", ".docbook"), Format.DOCBOOK),
}
_TEXT_SUFFIXES = {".txt", ".text", ".rst", ".log"}
_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*+(?:<\?xml[^>]*>\s*+)?(?:<!--.*?-->\s*+)*+<(?:!doctype\s+html|html)\b",
    re.IGNORECASE | re.DOTALL,
)
_HEADER = re.compile(rb"[!-9;-~]+:[ \t][^\n]*\n(?:[ \t][^\n]*\n)*")
_MAIL_HEADERS = {
    *(b"from", b"to", b"cc", b"reply-to", b"sender", b"date", b"subject", b"message-id", b"mime-version"),
    *(b"received", b"return-path", b"delivered-to", b"envelope-to", b"authentication-results", b"received-spf"),
    *(b"dkim-signature", b"arc-seal", b"arc-message-signature", b"arc-authentication-results", b"x-original-to"),
}

EPUB = "application/epub+zip"
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."
_OPEN_XML = "application/vnd.openxmlformats-officedocument."
_PACKAGES = {  # how the name of a part begins that tells, and the media type
    "word/": _OPEN_XML + "wordprocessingml.document",
    "ppt/": _OPEN_XML + "presentationml.presentation",
    "xl/": _OPEN_XML + "spreadsheetml.sheet",
    "META-INF/container.xml": EPUB,
}
_STREAMS = {  # the stream of a compound file that tells, and the media type
    "Workbook": "application/vnd.ms-excel",
    "__properties_version1.0": "application/vnd.ms-outlook",
}
_OLD = {  # the stream of a compound file that tells, and what can be done
    "WordDocument": "Word's format before 2007: save it as DOCX",
    "PowerPoint Document": "PowerPoint's format before 2007: save it as PPTX",
    "VisioDocument": "Visio: export it as PDF",
}


def format_of(suffix: str, head: bytes) -> Format | None:
    """The format of a file by its first bytes and the suffix of its name; None: it is text, or nothing we know."""
    for magic, found in _MAGIC:
        if head.startswith(magic):
            return found
    suffix = suffix.lower()
    if is_text(suffix):
        return None  # it may begin with a tag of HTML, or as a letter does, all the same
    if _HTML.match(head):
        return Format.HTML
    if is_docbook(head):
        return Format.DOCBOOK
    return _SUFFIXES.get(suffix) or (Format.EMAIL if _is_mail(head) else None)


def is_text(suffix: str) -> bool:
    """Whether a file with this suffix, in small letters, is text whatever it begins with."""
    return suffix in _TEXT_SUFFIXES or syntax_of(suffix) is not Syntax.TEXT


def package_type(content: bytes) -> str:
    """The media type of a document that is a ZIP archive.

    Raises:
        UnreadableError: it is damaged, encrypted, no document, or would unpack to too much.
    """
    import zipfile  # slow, and only a worker needs it

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            parts = package.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise UnreadableError("damaged: its parts cannot be listed") from None
    if len(parts) > _MAX_PARTS:
        raise UnreadableError(f"{len(parts):,} parts, over {_MAX_PARTS:,}")
    if (size := sum(part.file_size for part in parts)) > _MAX_UNPACKED_BYTES:
        raise UnreadableError(f"would unpack to {size:,} bytes, over {_MAX_UNPACKED_BYTES:,}")
    if any(part.flag_bits & 1 for part in parts):
        raise UnreadableError("encrypted")
    for begin, media_type in _PACKAGES.items():
        if any(part.filename.startswith(begin) for part in parts):
            return media_type
    if any(part.filename == "content.xml" for part in parts):
        return _OPEN_DOCUMENT
    raise UnreadableError(BINARY)


def compound_type(content: bytes) -> str:
    """The media type of a document of Microsoft's older formats.

    Raises:
        UnreadableError: it is encrypted, or no document.
    """
    if _stream("EncryptedPackage") in content:
        raise UnreadableError("encrypted")
    for name, media_type in _STREAMS.items():
        if _stream(name) in content:
            return media_type
    for name, advice in _OLD.items():
        if _stream(name) in content:
            raise UnreadableError(advice)
    raise UnreadableError(BINARY)


def _stream(name: str) -> bytes:
    """A stream's name as the directory of a compound file has it."""
    return name.encode("utf-16-le")


def _is_mail(head: bytes) -> bool:
    """Whether a text begins with headers of which most are those of e-mail."""
    if not head[:1].isalpha():
        return False
    names: list[bytes] = []
    position = head.find(b"\n") + 1 if head.startswith(b"From ") else 0  # as it stands in a mailbox
    while len(names) < 4 and (header := _HEADER.match(head, position)):
        names.append(header[0].split(b":", 1)[0].lower())
        position = header.end()
    return len(names) >= 3 and sum(name in _MAIL_HEADERS for name in names) >= 2
