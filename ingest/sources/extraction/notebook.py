"""Notebooks of Jupyter to Markdown: their cells, and what these printed. Runs in a worker process."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from ingest.model import Loss, LossKind, Syntax
from ingest.sources.extraction.extracted import EVERYDAY, Extracted
from ingest.sources.extraction.html import html_to_markdown
from ingest.sources.text import UnreadableError, clean
from ingest.sources.titles import title_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.sources.extraction.extracted import Wanted

_TERMINAL = re.compile(r"\x1b(?:\[[0-?]{0,40}+[ -/]{0,8}+[@-~]|\][^\x07\x1b]{0,200}+(?:\x07|\x1b\\)|[@-Z\\^_])")
_OVERWRITTEN = re.compile(r"\A(?:[^\n\r]*+\r++(?!\n|\Z))++")  # of one line, at its beginning: looked at once
_FENCE = re.compile(r"`{3,}+")
_LANGUAGE = re.compile(r"[\w+#.-]{1,30}+")
# What is said in several ways is read in the first of these.
_SAID = ("text/markdown", "text/latex", "text/plain", "text/html")
_TOLD_SEPARATELY = {"text/markdown", "text/latex", "text/html"}


def notebook(content: bytes, wanted: Wanted = EVERYDAY) -> Extracted:
    """A notebook's cells: words as they stand, code in fences with its language, and its text outputs; no pictures.

    Raises:
        UnreadableError: it is no notebook.
    """
    try:
        read = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
        cells = _cells(read)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UnreadableError("damaged: no JSON of a notebook") from None
    if cells is None:
        raise UnreadableError("damaged: no cells in it")
    language = _language(_object(read.get("metadata")))
    parts: list[str] = []
    title = None
    for cell in cells:
        kind, source = cell.get("cell_type"), _text(cell.get("source", cell.get("input"))).rstrip()
        if kind == "code":
            if source.strip():
                parts.append(_fenced(source, _text(cell.get("language")) or language))
            parts += _outputs(cell, wanted)
        elif kind == "heading":  # of versions before 4
            parts.append(f"{'#' * _level(cell)} {' '.join(source.split())}")
        elif source.strip():
            parts.append(source)
        if title is None and kind in {"markdown", "heading"}:
            title = title_of(parts[-1] if parts else "", Syntax.MARKDOWN)
    pictures = sum(any(_is_picture(name) for name in _forms(output)) for cell in cells for output in _results(cell))
    losses = (Loss(LossKind.PARTS_LEFT_OUT, pictures, "pictures in outputs"),) if pictures else ()
    return Extracted(clean("\n\n".join(part.strip("\n") for part in parts) + "\n"), title, losses)


def _cells(read: Any) -> list[dict[str, Any]] | None:
    """The cells of a notebook of any version."""
    if not isinstance(read, dict):
        return None
    sheets = read.get("worksheets")
    holders = sheets if isinstance(sheets, list) and "cells" not in read else [read]
    lists = [
        holder["cells"] for holder in holders if isinstance(holder, dict) and isinstance(holder.get("cells"), list)
    ]
    return [cell for cells in lists for cell in cells if isinstance(cell, dict)] if lists else None


def _language(metadata: dict[str, Any]) -> str:
    for name, key in (("language_info", "name"), ("kernelspec", "language")):
        if found := _text(_object(metadata.get(name)).get(key)):
            return found
    return ""


def _level(cell: dict[str, Any]) -> int:
    level = cell.get("level")
    return min(max(level, 1), 6) if isinstance(level, int) else 1


def _results(cell: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What came of running a cell."""
    outputs = cell.get("outputs")
    yield from (each for each in outputs if isinstance(each, dict)) if isinstance(outputs, list) else ()


def _forms(output: dict[str, Any]) -> dict[str, Any]:
    """The forms of a result, by their media types."""
    if isinstance(output.get("data"), dict):
        return dict(output["data"])
    # Before version 4.
    return {f"text/{name}" if name in {"html", "latex"} else name: form for name, form in output.items()} | {
        "text/plain": output.get("text")
    }


def _is_picture(name: str) -> bool:
    return name.startswith("image/") or name in {"png", "jpeg", "svg"}


def _outputs(cell: dict[str, Any], wanted: Wanted) -> Iterator[str]:
    """What a cell printed, one after another; prints in a row are one."""
    printed = ""
    for output in _results(cell):
        kind = output.get("output_type")
        if kind == "stream":
            printed += _text(output.get("text"))
            continue
        if printed:
            yield from _shown(printed)
            printed = ""
        if kind in {"error", "pyerr"}:
            yield from _shown(f"{_text(output.get('ename'))}: {_text(output.get('evalue'))}")
        else:
            yield from _result(_forms(output), wanted)
    yield from _shown(printed)


def _result(forms: dict[str, Any], wanted: Wanted) -> Iterator[str]:
    """What a cell resulted in, in the one of its forms that says it best."""
    for name in _SAID:
        text = _text(forms.get(name))
        if text.strip():
            if name == "text/html":
                yield html_to_markdown(text, wanted).strip()
            elif name in _TOLD_SEPARATELY:
                yield text
            elif not (len(forms) > 1 and text.startswith("<") and text.rstrip().endswith(">")):  # <Figure size 640x480>
                yield from _shown(text)
            return


def _shown(printed: str) -> Iterator[str]:
    """What was printed, as a terminal shows it."""
    printed = _TERMINAL.sub("", printed.replace("\r\n", "\n"))
    printed = "\n".join(_OVERWRITTEN.sub("", line) for line in printed.split("\n"))
    if "\b" in printed:
        kept: list[str] = []
        for character in printed:
            if character != "\b":
                kept.append(character)
            elif kept and kept[-1] != "\n":
                kept.pop()
        printed = "".join(kept)
    printed = printed.replace("\r", "").strip("\n")
    if printed.strip():
        yield _fenced(printed.rstrip(), "")


def _fenced(text: str, language: str) -> str:
    longest = max((len(run) for run in _FENCE.findall(text)), default=2)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language.lower() if _LANGUAGE.fullmatch(language) else ''}\n{text}\n{fence}"


def _text(given: object) -> str:
    """A text that may stand as its lines."""
    if isinstance(given, list):
        return "".join(line for line in given if isinstance(line, str))
    return given if isinstance(given, str) else ""


def _object(given: object) -> dict[str, Any]:
    return given if isinstance(given, dict) else {}
