"""Amounts, times and the text of others, as people read them. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes, urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

# Surrogates stand for bytes of file names that are no UTF-8.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: str) -> str:
    """Text of others without what could steer a terminal or forge a line: escape sequences, newlines, directions."""
    return _CONTROL.sub("\ufffd", text)


def line_break(text: str) -> str:
    r"""What ends a line, as editors count them: `\n`, after `\r` or not; `\r` alone where that is all there is."""
    return "\n" if "\n" in text else "\r"


def display_path(uri: str) -> str:
    """A URI as people read it: a file's path, and the key of a record or a message in it; any other URI as it is."""
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return uri
    key = f"#{parts.fragment}" if parts.fragment else ""
    return unquote_to_bytes(f"{parts.path}{key}").decode(errors="replace")


def dollars(amount: float) -> str:
    """An amount of money, with cents where cents matter."""
    if amount == 0:
        return "$0"
    if amount < 0.0001:
        return "less than $0.0001"
    return f"${amount:,.4f}" if amount < 1 else f"${amount:,.2f}"


def other_count(ratio: float) -> str:
    """That a provider counts other tokens than we do, where it does by a hundredth or more; else nothing."""
    return "" if abs(ratio - 1) < 0.01 else f"the provider counts {ratio:.2f} tokens for each of ours"


def about(amount: float) -> str:
    """An amount of money that is estimated."""
    return dollars(amount) if amount < 0.0001 else f"about {dollars(amount)}"


def duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def counted(number: int, one: str, many: str | None = None) -> str:
    """So many of something."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def some(names: Sequence[str], most: int = 3) -> str:
    """The first of them, and how many more there are."""
    shown = ", ".join(clean(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"


def roughly(seconds: float) -> str:
    """A time to come, which nobody knows to the second."""
    if seconds < 60:
        return duration(seconds)
    hours, minutes = divmod(round(seconds / 60), 60)
    return " ".join(f"{count} {unit}" for count, unit in ((hours, "h"), (minutes, "min")) if count)
