"""Lines of files of text: known of each passage, as an editor counts them; an edit above writes no passage anew."""

from __future__ import annotations

import base64
import random
import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pdf_files import PdfPage, pdf_file
from pyarrow import parquet as pq

from ingest.chunker import Chunking
from ingest.sources.content import document
from ingest.sources.extraction.workers import DEFAULT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Outcome, Workshop

    from ingest.model import Chunk

PICTURE = "\n".join(textwrap.wrap(base64.b64encode(random.Random(1).randbytes(3000)).decode(), 76))
PROSE = "\n\n".join(f"Paragraph {number} begins here,\nand ends on the line below it." for number in range(60))
FRONT = "---\ntitle: Guide\ntags: [a, b]\n---\n\n"
MORE_FRONT = FRONT.replace("tags", "author: Ann\ntags")
CORPUS = sorted((Path(__file__).parents[2] / "examples" / "corpus").rglob("*.*"))
STORED = """
SELECT d.uri, c.id, c.ordinal, c.content, d.first_lines[c.ordinal + 1], d.last_lines[c.ordinal + 1], c.xmin::text
FROM chunks c JOIN documents d ON d.id = c.document_id WHERE NOT c.superseded ORDER BY d.uri, c.ordinal
"""


def chunks_of(content: bytes, name: str, overlap: int = 0) -> list[Chunk]:
    found = document(content, uri="file:///x", name=name, metadata={}, max_bytes=16_000_000, limits=DEFAULT_LIMITS)
    return Chunking("cl100k_base", 64, overlap, embed_headings=True, max_document_bytes=16_000_000).split(found)


def in_lines(text: str) -> list[str]:
    """As an editor does; no other characters end a line, though `str.splitlines` has eight more."""
    return re.split("\r?\n" if "\n" in text else "\r", text)


def require_right(lines: list[str], content: str, first: int | None, last: int | None) -> None:
    """The first line of a passage stands in the line of the file that is told, and so does its last one."""
    said = in_lines(content.strip())
    assert first is not None
    assert last is not None
    assert said[0] in lines[first - 1] or said[0] == "…"  # of a picture that was taken out
    assert said[-1] in lines[last - 1] or said[-1] == "…"
    assert last - first == len(said) - 1 or "…" in said


@pytest.mark.parametrize("overlap", [0, 16])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("plain.txt", f"\n\n  \n{PROSE}\n\n"),
        ("dos.md", PROSE.replace("\n", "\r\n")),
        ("mac.txt", PROSE.replace("\n", "\r")),
        ("stray.txt", PROSE.replace("Paragraph", "Para\rgraph\f")),
        ("front.md", FRONT + PROSE),
        ("front.toml.md", "+++\ntitle = 'x'\n+++\n" + PROSE),
        ("body.tex", "\\documentclass{article}\n% x\n\\begin{document}\n" + PROSE + "\n\\end{document}\nnotes\n"),
        ("picture.md", f"{PROSE}\n\n{PICTURE}\n\n{PROSE}\n\n{PICTURE}\nThe end.\n"),
        ("front_and_picture.md", f"{FRONT}![…](data:image/png;base64,{PICTURE})\n\n{PROSE}"),
        ("table.csv", "\n".join(f"{n},name {n},{n * n}" for n in range(500))),
        ("code.py", "".join(f"def f{n}(x):\n    return x + {n}\n\n\n" for n in range(60))),
        ("wide.txt", "日本語の文章です。\n\n" * 100),
    ],
)
def test_each_passage_tells_the_lines_of_its_file(name: str, text: str, overlap: int) -> None:
    chunks = chunks_of(text.encode(), name, overlap)

    assert len(chunks) > 5
    for each in chunks:
        require_right(in_lines(text), each.content, each.first_line, each.last_line)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1251"])
def test_an_encoding_changes_no_line(encoding: str) -> None:
    text = "\r\n".join(f"Строка номер {number}." for number in range(300))

    for each in chunks_of(text.encode(encoding), "a.txt"):
        require_right(text.split("\r\n"), each.content, each.first_line, each.last_line)


def test_each_passage_of_the_example_corpus_tells_its_lines() -> None:
    for path in CORPUS:
        lines = in_lines(path.read_bytes().decode())
        for each in chunks_of(path.read_bytes(), path.name):
            require_right(lines, each.content, each.first_line, each.last_line)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.html", b"<html><p>One</p>\n<p>Two</p></html>"),
        ("a.pdf", pdf_file([PdfPage().lines(72, 100, ["One", "Two"])])),
        ("tool.1", b".TH TOOL 1\n.SH NAME\ntool \\- does it\n.SH DESCRIPTION\nIt does it.\n"),
    ],
)
def test_where_the_text_is_not_that_of_the_file_there_are_none(name: str, content: bytes) -> None:
    found = chunks_of(content, name)

    assert found
    assert {(each.first_line, each.last_line) for each in found} == {(None, None)}


def filled(workshop: Workshop, text: str) -> Path:
    path = workshop.write("guide.md", text)
    with workshop.pipeline(chunk_tokens=64, mode="sync") as pipeline:
        pipeline.run([str(workshop.folder)])
    return path


def rerun(workshop: Workshop) -> Any:
    with workshop.pipeline() as pipeline:
        return pipeline.run([str(workshop.folder)])


def test_lines_that_move_write_no_passage_and_cost_nothing(workshop: Workshop) -> None:
    path = filled(workshop, FRONT + PROSE)
    before = workshop.query(STORED)
    path.write_text(MORE_FRONT + PROSE, encoding="utf-8")
    moved = rerun(workshop)
    after = workshop.query(STORED)
    path.write_text((MORE_FRONT + PROSE).replace("begins here,", "begins here,\n\n", 1), encoding="utf-8")
    edited = rerun(workshop)
    last = workshop.query(STORED)

    assert (moved.tokens, moved.sync.chunks_new) == (0, 0)
    assert [row[:4] for row in after] == [row[:4] for row in before]
    assert [(first - 1, end - 1) for *_, first, end, _ in after] == [(first, end) for *_, first, end, _ in before]
    assert [row[-1] for row in after] == [row[-1] for row in before]  # no row of theirs was written
    assert edited.sync.chunks_new == 1
    assert [row[-1] for row in last[1:]] == [row[-1] for row in before[1:]]
    for _, _, _, content, first, end, _ in last:
        require_right(path.read_text().split("\n"), content, first, end)


def test_a_corpus_made_before_has_its_lines_after_the_next_run_and_pays_nothing(workshop: Workshop) -> None:
    filled(workshop, FRONT + PROSE)
    before = workshop.query(STORED)
    workshop.query(
        "UPDATE documents SET line_marks = NULL, first_lines = NULL, last_lines = NULL, "
        "source_version = replace(source_version, '.1/', '/') RETURNING id"
    )
    taken_over, unchanged = rerun(workshop), rerun(workshop)

    assert workshop.query(STORED) == before
    assert (taken_over.tokens, taken_over.sync.documents_changed) == (0, 1)
    assert unchanged.sync.documents_unchanged == 1


def test_lines_are_shown_told_exported_and_kept_by_another_model(
    ingest: Callable[..., Outcome], workshop: Workshop, environment: dict[str, str]
) -> None:
    path = filled(workshop, FRONT + PROSE)
    asked = ("search", "Paragraph 31 begins here", "-n", "1", "--words")

    (told,) = ingest(*asked, "--json", environment=environment).json["passages"]
    (around,) = ingest(*asked, "--context", "1", "--json", environment=environment).json["passages"]
    shown = ingest(*asked, environment=environment).out
    lines = path.read_text().split("\n")
    view = workshop.query("SELECT id, first_line, last_line FROM passages ORDER BY ordinal")
    ingest("parquet", workshop.folder / "all.parquet", environment=environment)
    ingest("reembed", "--dimensions", "32", "-y", "-q", environment=environment)

    require_right(lines, told["content"], told["first_line"], told["last_line"])
    require_right(lines, around["content"], around["first_line"], around["last_line"])
    assert around["first_line"] < told["first_line"] <= told["last_line"] < around["last_line"]
    assert f"/guide.md:{told['first_line']}-{told['last_line']}" in shown
    rows = pq.read_table(workshop.folder / "all.parquet").to_pylist()
    assert [(row["id"], row["first_line"], row["last_line"]) for row in rows] == view
    assert workshop.query("SELECT id, first_line, last_line FROM passages ORDER BY ordinal") == view


def test_what_was_replaced_and_is_still_found_tells_no_lines(workshop: Workshop) -> None:
    filled(workshop, "The old words, which are found.")
    workshop.write("guide.md", "\n\nOther words, whose vector is to come.")
    with workshop.pipeline() as pipeline:
        pipeline.sync([str(workshop.folder)])

        (found,) = pipeline.search("old words", mode="vector")

    assert (found.is_current, found.first_line, found.last_line) == (False, None, None)
    assert "first_line" not in found.described()
