"""The commands that people are told to give: each names its corpus, as without it would be about another one. Pure."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_CORPUS = "corpus"

NEXT = "__next"
"""How the name of a version in the making ends."""

_RUN = re.compile(r"\bingest run\b[^&`]{0,500}(?<! )")
_TOLD = re.compile(r"`ingest [^`]{1,500}`")
_VERB = re.compile(r"\bingest (?!emulator|webhook)[a-z]{2,12}\b")  # those serve all corpora of a database


def command(line: str, corpus: str, options: str = "") -> str:
    """A line for the shell, about this corpus, if it names no other, and with these options."""
    return "&&".join(_completed(part, corpus, options) for part in line.split("&&"))


def about_corpus(message: str, corpus: str, options: str = "") -> str:
    """A message, in which the commands between backticks are about this corpus, and with these options."""
    return _TOLD.sub(lambda found: command(found[0], corpus, options), message)


def repeated_options(config: Path | None, *, names_database: bool) -> str:
    """What a command needs to find the same settings: the file that was named; the database, never its password."""
    named = f" --config {shlex.quote(str(config))}" if config else ""
    return named + (" --database-url URL" if names_database else "")


def _completed(part: str, corpus: str, options: str) -> str:
    used = corpus.removesuffix(NEXT)
    if used != corpus and "--corpus" not in part and _RUN.search(part):  # it is filled by a reembed of the one in use
        part = part if "--over-limit" in part else _RUN.sub("ingest reembed …", part)
        added = f" --corpus {used}"  # the default, too: what is printed is about the other
    else:
        added = "" if corpus == DEFAULT_CORPUS or "--corpus" in part else f" --corpus {corpus}"
    return _VERB.sub(lambda verb: f"{verb[0]}{added}{options}", part)
