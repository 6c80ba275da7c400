"""Foreign words without secrets: those that this process was given, and what looks like a key of a known form.

A server may repeat what it was sent, a database may quote it, a library may log it. So whatever is not ours goes
through here before it is printed, logged, kept or passed on: the words of errors when they are made, the rest where it
comes in. Secrets are known to the whole process, once a setting, a connection or a provider has them.
"""

from __future__ import annotations

import base64
import html
import json
import logging
import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

# With a blank: an identifier in which it stands is none.
REMOVED = "[secret removed]"

_PART = 9  # characters of a secret in a row tell too much of it
_SHORTEST = 4
_LONGEST = 10_000  # characters of foreign words that are looked at
# Keys of known forms, by how they begin or by what makes them up. All that is unbounded is possessive, and at the end.
_KEY = re.compile(
    r"""
    (?:(?<![A-Za-z0-9])|(?<=%[0-9A-F]{2}))(?:  # or after what is percent-encoded
        (?:sk|rk|pk|gsk|csk|xai|nvapi|pplx|github_pat|glpat|whsec|xox[a-z])[-_][\w*+/=.-]{16,}+  # OpenAI, Anthropic …
      | (?:gh[oprsu]|hf|fw|r8|jina|npm|tgp_v1)_[A-Za-z0-9*]{20,}+                 # GitHub, Hugging Face, Jina …
      | (?:pa|al)-[\w*-]{30,}+                                                   # Voyage
      | (?:AIza|ya29\.|GOCSPX-|AQ\.)[\w*.-]{20,}+                                # Google
      | (?:AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AIPA|ANPA|ANVA|AROA|A3T[A-Z0-9])[A-Z0-9]{16}(?![A-Za-z0-9])  # AWS
      | LTAI[A-Za-z0-9]{12,}+                                                    # Alibaba
      | [A-Za-z0-9]{50,60}JQQJ9[A-Za-z0-9]{10,}+                                 # Azure
      | [\w~.]{3}[0-9]Q~[\w~.-]{31,40}                                           # Azure, of an application
    )
  | (?<![\w./-])(?=[0-9]{0,31}[A-Za-z])(?=[A-Za-z]{0,31}[0-9])[A-Za-z0-9]{32}(?![\w/-])  # Azure, Mistral, DeepInfra
  | (?<![\w-])eyJ[\w-]{10,}+\.[\w-]{10,}+(?:\.[\w-]*+)?                          # a JSON Web Token
  | -----BEGIN\ [A-Z\ ]{0,30}PRIVATE\ KEY-----[^-]*+
    """,
    re.VERBOSE | re.ASCII,
)
# What is called a secret, after what it is called.
_NAMED = re.compile(
    r"""
    (
        (?:\b|%20)(?:bearer|basic)(?:[ +]|%20){1,3}(?=[A-Za-z._~+/=-]{0,99}[0-9]|[A-Za-z._~+/=-]{20})
      | (?:api|access|account|secret|private|subscription)[-_ ]?key(?:[ ]provided)?["']?[ ]{0,3}[:=][ ]{0,3}["']?
      | (?:password|passwd|pwd|secret)["']?[ ]{0,3}[:=][ ]{0,3}["']?
      | (?:access|auth|bearer|id|refresh|security|session)[-_ ]?token["']?[ ]{0,3}[:=][ ]{0,3}["']?
      | \b(?:sig|signature|credential)=
    )
    [^\s"',;&<>\[\]]{8,}+
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_IN_URL = re.compile(r"(://[^\s/@:]{0,100}:)(?!password@)[^\s/@]{1,300}@")

_parts: set[str] = set()
_words: dict[str, re.Pattern[str]] = {}


def learn(*secrets: str | None, public: Collection[str] = ()) -> None:
    """Know secrets of this process from now on; one that is `public` as well, as a name, is none.

    One of fewer than nine characters is removed only where it stands alone, and not where it is a plain word: messages
    would be spoilt, and tell it by that.
    """
    redacted.cache_clear()
    for secret in secrets:
        if not secret or secret in public:
            continue
        if len(secret) >= _PART:
            for form in _forms(secret):
                _parts.update(form[place : place + _PART] for place in range(len(form) - _PART + 1))
        elif len(secret) >= _SHORTEST and not secret.isalpha():
            _words[secret] = re.compile(rf"(?<![^\W_]){re.escape(secret)}(?![^\W_])")


@lru_cache(maxsize=256)  # thousands of files may be unreadable for one reason
def redacted(text: str) -> str:
    """Words without secrets."""
    text = without_known(text)
    for word in _words.values():
        text = word.sub(REMOVED, text)
    text = _IN_URL.sub(rf"\1{REMOVED}@", text)
    return _NAMED.sub(rf"\1{REMOVED}", _KEY.sub(REMOVED, text))


def without_known(text: str) -> str:
    """What a machine reads, an answer for example, without the secrets that this process knows, and their parts."""
    kept: list[str] = []
    end = 0
    for start, stop in _found(text):
        kept += text[end:start], REMOVED
        end = stop
    return "".join([*kept, text[end:]]) if kept else text


def foreign(words: object, most: int = 300) -> str:
    """What others say, fit to be kept and shown: text without secrets, in one line, and not too much of it."""
    text = redacted(str(words or "")[:_LONGEST].replace("\0", "\ufffd").encode(errors="replace").decode())
    return " ".join(text.split())[:most]


class LogFilter(logging.Filter):
    """Removes secrets from records, and from what is told of exceptions with them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let it pass, without."""
        record.msg, record.args = redacted(record.getMessage()), None
        if record.exc_info:
            record.exc_text = redacted(record.exc_text or logging.Formatter().formatException(record.exc_info))
        return True


def _forms(secret: str) -> Iterator[str]:
    """A secret as it may be repeated: as it is, escaped, or as a part of what is in base64."""
    raw = secret.encode(errors="surrogateescape")
    quoted = quote(raw, safe=""), quote_plus(raw), quote(raw)
    lower = (re.sub(r"%..", lambda found: found[0].lower(), form) for form in quoted)
    plain = secret, secret.lower(), secret.upper(), json.dumps(secret)[1:-1], repr(secret)[1:-1], html.escape(secret)
    yield from {*plain, *quoted, *lower, raw.hex()}
    for before in range(3):  # it may begin at any of the three bytes of a group
        packed = base64.b64encode(bytes(before) + raw)
        # The letters at the ends depend on what stands beside it.
        inside = packed[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6].decode()
        yield from {inside, inside.replace("+", "-").replace("/", "_")}


def _found(text: str) -> Iterator[tuple[int, int]]:
    """Where runs of known parts begin and end."""
    place, last = 0, len(text) - _PART
    pieces = map(text.__getitem__, map(slice, range(last + 1), range(_PART, len(text) + 1)))
    if _parts.isdisjoint(pieces):  # three times as fast as to look for where
        return
    while place <= last:
        stop = place
        while stop <= last and text[stop : stop + _PART] in _parts:
            stop += 1
        if stop > place:
            yield place, stop - 1 + _PART
            place = stop - 1 + _PART
        else:
            place += 1
