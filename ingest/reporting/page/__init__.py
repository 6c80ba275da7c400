"""The report: one page that holds all it shows, and loads and runs nothing."""

from __future__ import annotations

import os
from importlib.resources import files
from io import BytesIO
from string import Template
from typing import TYPE_CHECKING
from uuid import uuid4

from ingest.errors import UnreachableError, UsageError
from ingest.formatting import clean
from ingest.reporting.page.elements import markup
from ingest.reporting.page.sections import head, sections

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from ingest.evaluation import Evaluation
    from ingest.reporting.page.elements import Element
    from ingest.reporting.page.findings import Findings

_MARK = "<!-- a report of pgvector-ingest -->"
_BEGINNING = 200


def page(findings: Findings) -> str:
    """The page of a corpus's last runs as HTML."""
    return _filled(f"Corpus {findings.status.corpus}", findings.at, head(findings), sections(findings))


def evaluation_page(found: Evaluation, at: datetime) -> str:
    """The page of how well questions were answered as HTML; `at`: when, in UTC."""
    from ingest.reporting.page import evaluation

    return _filled(f"Questions to {found.corpus}", at, evaluation.head(found, at), evaluation.sections(found))


def _filled(about: str, at: datetime, head: Element, sections: Iterable[Element]) -> str:
    title = f"{about}, {at:%Y-%m-%d %H:%M} UTC"
    return Template(_part("page.html")).substitute(
        mark=_MARK,
        title=clean(title),  # a corpus's name is a plain identifier
        style=_part("page.css"),
        head=markup(head),
        sections="\n".join(markup(section) for section in sections),
    )


def write_page(path: Path, text: str) -> None:
    """Write a page under its name when it is whole; for us alone to read, as it names the corpus's documents.

    Raises:
        UsageError: something else is there.
        UnreachableError: it cannot be written.
    """
    require_ours(path)
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        raise UnreachableError(f"{path} cannot be written: {error.strerror}. Fix it, or name another file.") from error
    finally:
        unfinished.unlink(missing_ok=True)


def require_ours(path: Path) -> None:
    """See that nothing else than an earlier report would be overwritten.

    Raises:
        UsageError: it would, or the folder is not there.
    """
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}: make it, or name another file.")
    if not path.exists():
        return
    try:
        with path.open("rb") if path.is_file() else BytesIO() as file:  # a pipe would be waited for
            is_ours = _MARK.encode() in file.read(_BEGINNING)
    except OSError:
        is_ours = False
    if not is_ours:
        raise UsageError(f"{path} is there, and is not a report: name another file, or remove it.")


def _part(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")
