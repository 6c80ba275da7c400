"""Pages without text, read by tesseract where it is installed and the setting `ocr` asks for it."""

from __future__ import annotations

import csv
import subprocess
from typing import TYPE_CHECKING

from ingest.sources.extraction.pdf.layout import laid_out
from ingest.sources.extraction.pdf.pages import Line, Page, Word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pypdfium2 import PdfPage

PROGRAM = "tesseract"
_DOTS_PER_INCH = 300
_MAX_PIXELS = 40_000_000  # a page of A2
_LEAST_CONFIDENCE = 10.0  # below, tesseract has taken a smudge for a word


def languages(setting: str) -> str:
    """The languages that the setting `ocr` names: English where it says no more than yes."""
    words = setting.strip()
    if words.lower() in {"false", "0", "no", "off", "none"}:
        return ""
    return "eng" if words.lower() in {"true", "1", "yes", "on"} else words


def recognised(page: PdfPage, number: int, named: str) -> Page:
    """The text of the picture of a page.

    A page that tesseract does not read is told as that.
    """
    width, height = page.get_size()
    scale = min(_DOTS_PER_INCH / 72, (_MAX_PIXELS / max(width * height, 1.0)) ** 0.5)
    picture = page.render(scale=scale, grayscale=True)
    try:
        rows = memoryview(picture.buffer)
        pixels = b"".join(
            bytes(rows[row * picture.stride : row * picture.stride + picture.width]) for row in range(picture.height)
        )
        head = b"P5 %d %d 255\n" % (picture.width, picture.height)
    finally:
        picture.close()
    command = [PROGRAM, "stdin", "stdout", "--dpi", str(round(scale * 72)), "-l", named, "tsv"]
    try:
        done = subprocess.run(command, input=head + pixels, capture_output=True, check=False)
    except OSError:
        return Page(number, width, height, [], [], [], problem=f"{PROGRAM} is not installed")
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").split())[-200:]
        return Page(number, width, height, [], [], [], problem=f"{PROGRAM}: {said}")
    found = laid_out(number, width, height, _lines(done.stdout.decode(errors="replace").splitlines(), scale), [])
    found.is_recognised = True
    return found


def _lines(table: Iterable[str], scale: float) -> list[Line]:
    """The lines that tesseract tells, word by word."""
    words: dict[tuple[str, ...], list[Word]] = {}
    for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE):
        text = (row["text"] or "").strip()
        if text and float(row["conf"]) >= _LEAST_CONFIDENCE:
            left, top, wide, high = (float(row[name]) / scale for name in ("left", "top", "width", "height"))
            line = words.setdefault(tuple(row[name] for name in ("block_num", "par_num", "line_num")), [])
            line.append(Word(text, left, left + wide, top + high, high))
    found = []
    for line in words.values():
        bottoms, heights = sorted(word.y for word in line), sorted(word.size for word in line)
        y, size = bottoms[len(line) // 2], round(heights[-1] * 1.1)  # the highest has a capital
        found.append(Line([Word(word.text, word.x0, word.x1, y, float(size)) for word in line]))
    return found
