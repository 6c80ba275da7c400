"""E-mail to Markdown, by Python's own library. Runs in a worker process: what is read is not trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.sources.encodings import decoded
from ingest.sources.extraction.extracted import Extracted
from ingest.sources.extraction.html import decode_html, html_to_markdown
from ingest.sources.text import clean

if TYPE_CHECKING:
    from email.message import EmailMessage

_MAIL_HEADERS = ("From", "To", "Date")


def message_of(content: bytes) -> Extracted:
    """A message: who wrote when to whom, and its body, the plain one where there are two; attachments by name."""
    from email import policy
    from email.parser import BytesParser

    message: EmailMessage = BytesParser(policy=policy.default).parsebytes(content)
    subject = str(message["Subject"] or "").strip()
    lines = [f"# {subject}", ""] if subject else []
    lines += [f"- {name}: {message[name]}" for name in _MAIL_HEADERS if message[name]]
    lines += [f"- Attachment: {name}" for part in message.walk() if (name := part.get_filename())]
    texts = (part for part in message.walk() if part.get_content_maintype() == "text")
    body = message.get_body(("plain", "html")) or next(texts, None)
    text, losses = decoded(b"")
    if body is not None:
        payload = body.get_payload(decode=True)
        content = payload if isinstance(payload, bytes) else b""
        is_html, charset = body.get_content_type() == "text/html", body.get_content_charset()
        text, losses = (decode_html if is_html else decoded)(content, charset)
        if is_html:
            text = html_to_markdown(text)
    return Extracted("\n".join([*lines, "", clean(text.replace("\r\n", "\n"))]), subject, losses)
