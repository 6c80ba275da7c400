"""Pages of PDFs and slides: known of each passage, for applications to cite."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pdf_files import MONO, PdfPage, pdf_file
from pyarrow import parquet as pq

from ingest.chunker import chunk, tokenizer
from ingest.sources.content import document
from ingest.sources.extraction.workers import DEFAULT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Outcome, Workshop

    from ingest.model import Document

CASES = Path(__file__).parents[1] / "files" / "cases"
SENTENCE = "Sheet {0} of the report says what was found in the year {0}, and by whom it was found."


def report_of(pages: int, first: int = 0) -> bytes:
    """A page says its number; a last sentence goes on on the next."""
    sheets = []
    for number in range(first, pages):
        lines = [SENTENCE.format(number) for _ in range(12)]
        sheets.append(PdfPage().lines(72, 100, lines))
    return pdf_file(sheets)


def read(content: bytes, name: str) -> Document:
    return document(content, uri="file:///x", name=name, metadata={}, max_bytes=16_000_000, limits=DEFAULT_LIMITS)


def numbers_by_page(found: Document, words: str) -> dict[int, set[int]]:
    """Which numbers the text has between the beginning of one page and the next."""
    ends = [place for place, _ in found.pages[1:]] + [len(found.text)]
    return {
        page: set(map(int, re.findall(words, found.text[place:end])))
        for (place, page), end in zip(found.pages, ends, strict=True)
    }


def test_each_page_of_a_pdf_begins_where_its_text_does() -> None:
    found = read(report_of(70), "a.pdf")

    assert numbers_by_page(found, r"Sheet (\d+)") == {page + 1: {page} for page in range(70)}


def test_a_table_over_several_pages_and_code_are_on_their_own() -> None:
    def rows(page: int) -> PdfPage:
        sheet = PdfPage()
        for number in range(40):
            sheet.text(72, 60 + 16 * number, f"item {page}{number:02}").text(250, 60 + 16 * number, "5 of it")
            sheet.rule(70, 64 + 16 * number, 400, 64 + 16 * number)
        return sheet

    code = PdfPage().lines(72, 100, [f"call item({number})  # of three" for number in (301, 302)], font=MONO)
    found = read(pdf_file([rows(1), rows(2), code]), "a.pdf")

    numbers = numbers_by_page(found, r"item\(? ?(\d+)")
    assert numbers == {1: set(range(100, 140)), 2: set(range(200, 240)), 3: {301, 302}}


def test_slides_are_counted_as_they_are_shown_with_those_that_are_hidden() -> None:
    found = read((CASES / "deck.pptx").read_bytes(), "deck.pptx")

    assert [(page, found.text[place:].split("\n")[0]) for place, page in found.pages] == [
        (1, "## Quarter results"),
        (2, "UNTITLED slide text"),
    ]


def test_a_passage_tells_its_pages_with_and_without_overlap() -> None:
    text = "".join(f"This is sentence number {number}. " for number in range(200))
    pages = [(text.index(f"This is sentence number {number}."), number // 10 + 1) for number in range(0, 200, 10)]

    for overlap in (0, 8):
        chunks = chunk(text, tokenizer=tokenizer("cl100k_base"), max_tokens=64, overlap=overlap, pages=pages)
        for each in chunks:
            said = [int(number) // 10 + 1 for number in re.findall(r"number (\d+)\.", each.content)]
            assert each.last_page in {said[-1], said[-1] + 1}
            assert overlap or each.first_page in {said[0], said[0] - 1}
        assert [each.first_page for each in chunks] == sorted(each.first_page or 0 for each in chunks)


def test_pages_are_shown_exported_and_kept_by_another_model(
    ingest: Callable[..., Outcome], workshop: Workshop, environment: dict[str, str]
) -> None:
    workshop.folder.mkdir(exist_ok=True)
    (workshop.folder / "report.pdf").write_bytes(report_of(9))
    workshop.write("a.md", "No pages here.")
    flags = ("--dimensions", "64", "--chunk-tokens", "128", "-q")

    first = ingest("run", workshop.folder, *flags, environment=environment)
    words = (SENTENCE.format(5), "-n", "1")
    (told,) = ingest("search", *words, "--json", environment=environment).json["passages"]
    shown = ingest("search", *words, environment=environment).out
    ((first_page, last_page),) = workshop.query(
        "SELECT first_page, last_page FROM chunks JOIN documents d ON d.id = document_id "
        "WHERE (uri, ordinal) = (%s, %s)",
        told["uri"],
        told["ordinal"],
    )
    ingest("parquet", workshop.folder / "all.parquet", environment=environment)
    ingest("reembed", "--dimensions", "32", "-y", "-q", environment=environment)
    stored = "SELECT first_page, last_page FROM chunks JOIN documents d ON d.id = document_id WHERE uri LIKE %s"

    assert first.status == 0, first.err
    assert (told["first_page"], told["last_page"]) == (first_page, last_page)
    assert f"report.pdf  p{'p' * (first_page < last_page)}. {first_page}" in shown
    rows = pq.read_table(workshop.folder / "all.parquet").to_pylist()
    assert {row["first_page"] for row in rows if row["uri"].endswith(".pdf")} >= {1, 9}
    assert workshop.query(stored, "%.md") == [(None, None)]
    assert {page for page, _ in workshop.query(stored, "%.pdf")} >= {1, 9}


def test_pages_that_move_and_a_corpus_made_before_cost_nothing(workshop: Workshop) -> None:
    workshop.folder.mkdir(exist_ok=True)
    path = workshop.folder / "report.pdf"
    path.write_bytes(report_of(5))
    with workshop.pipeline(chunk_tokens=128) as pipeline:
        pipeline.run([str(workshop.folder)])
        before = workshop.query("SELECT id, first_page, last_page FROM chunks ORDER BY ordinal")
        # As it was made when nobody asked for pages.
        workshop.query("UPDATE chunks SET first_page = NULL, last_page = NULL RETURNING id")
        workshop.query(
            "UPDATE documents SET content_hash = 'before', source_version = replace(source_version, '.1/', '/') "
            "RETURNING id"
        )
        taken_over = pipeline.run([str(workshop.folder)])
        after = workshop.query("SELECT id, first_page, last_page FROM chunks ORDER BY ordinal")
        unchanged = pipeline.run([str(workshop.folder)])
        path.write_bytes(
            pdf_file([PdfPage(), *(PdfPage().lines(72, 100, [SENTENCE.format(n)] * 12) for n in range(5))])
        )
        moved = pipeline.run([str(workshop.folder)])

    assert after == before
    assert (taken_over.tokens, taken_over.sync.documents_changed) == (0, 1)
    assert unchanged.sync.documents_unchanged == 1
    assert (moved.tokens, moved.sync.chunks_new) == (0, 0)
    assert workshop.query("SELECT id, first_page - 1, last_page - 1 FROM chunks ORDER BY ordinal") == before
