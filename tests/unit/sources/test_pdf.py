"""PDF as people read it: what is drawn becomes headings, paragraphs, tables and code; what cannot be read is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hostile_files import pdf_with_a_page_of_forms
from pdf_files import BOLD, MONO, PdfPage, pdf_file

from ingest.model import Loss, LossKind
from ingest.sources.extraction.extracted import Extracted, Wanted
from ingest.sources.extraction.extracting import extract
from ingest.sources.extraction.formats import Format
from ingest.sources.extraction.workers import Limits
from ingest.sources.files import Files, SourceFile
from ingest.sources.text import UnreadableError

CASES = Path(__file__).parents[2] / "files" / "cases"
LIMITS = Limits(seconds=120.0, memory_mb=1024)
PROSE = [
    "The committee met in the long room above the harbour, where the",
    "windows look out on the piers and on the ships that wait there for",
    "the tide, and began with the accounts of the year that had passed,",
    "which the treasurer read aloud from the first line to the last one.",
]


def read(content: bytes, limits: Limits = LIMITS) -> Extracted:
    return extract(Format.PDF, content, 16_777_216, limits)


def letters(count: int, *, running: str = "") -> list[PdfPage]:
    """Pages of prose that differ."""
    pages = []
    for number in range(1, count + 1):
        page = PdfPage().lines(72, 120, [f"This is what stands on sheet {number} of them, and it is its own.", *PROSE])
        if running:
            page.text(72, 40, running, 9).text(300, 760, str(number), 9)
        pages.append(page)
    return pages


def test_a_page_without_text_among_pages_with_text_is_told() -> None:
    extracted = read((CASES / "halfscan.pdf").read_bytes())

    assert extracted.text.strip() == "PAGE ONE has real text about the contract."
    ((kind, amount, words),) = extracted.losses
    assert (kind, amount) == (LossKind.PAGES_WITHOUT_TEXT, 1)
    assert words.startswith('1 of 2 pages has no text: 2; to have pictures read set ocr = "eng"')


def test_the_pages_without_text_are_named_and_blank_ones_as_that() -> None:
    pages = letters(9)
    pages[2], pages[6] = PdfPage().image(), PdfPage()

    (loss,) = read(pdf_file(pages)).losses

    assert loss.words.startswith("2 of 9 pages have no text: 3, 7 (blank: 7)")


def test_a_table_without_rules_has_a_line_for_each_row_over_all_its_pages() -> None:
    extracted = read((CASES / "table.pdf").read_bytes())

    lines = extracted.text.splitlines()
    assert extracted.title == "Price list"
    assert lines[:3] == ["# Price list", "", "| Item | Description | Qty | Price |"]
    assert lines[4] == "| IT-001 | Widget type 1, blue | 1 | 1.50 |"
    assert [line.split(" | ")[0] for line in lines[4:]] == [f"| IT-{number:03d}" for number in range(1, 80)]


def test_a_ruled_table_is_one_with_the_words_of_each_cell_together() -> None:
    page = PdfPage().text(72, 60, "The lock modes are these:")
    for y in (80, 100, 140, 160):
        page.rule(72, y, 400, y)
    for x in (72, 180, 400):
        page.rule(x, 80, x, 160)
    page.text(76, 93, "Mode").text(184, 93, "What it is for")
    page.text(76, 113, "SHARE").text(184, 113, "Those who read and want").text(184, 127, "nobody else to write")
    page.text(76, 153, "EXCLUSIVE").text(184, 153, "Writers")
    page.text(72, 190, "That is all of them.")

    assert read(pdf_file([page])).text == (
        "The lock modes are these:\n\n| Mode | What it is for |\n| --- | --- |\n"
        "| SHARE | Those who read and want nobody else to write |\n| EXCLUSIVE | Writers |\n\nThat is all of them.\n"
    )


def test_a_table_of_few_columns_has_the_header_that_stands_close_above_it() -> None:
    page = PdfPage().text(72, 60, "Their ages:").text(72, 90, "Name of it", font=BOLD).text(130, 90, "Age", font=BOLD)
    for number, (name, age) in enumerate((("Ana", "40"), ("Bo", "31"), ("Cy", "7"))):
        page.text(72, 104 + 14 * number, name).text(130, 104 + 14 * number, age)

    assert read(pdf_file([page])).text == (
        "Their ages:\n\n| Name of it | Age |\n| --- | --- |\n| Ana | 40 |\n| Bo | 31 |\n| Cy | 7 |\n"
    )


def test_a_ruled_table_stays_above_a_heading_that_is_not_below_it_but_beside() -> None:
    page = PdfPage().lines(72, 60, PROSE)
    for y in (120, 140, 160):
        page.rule(250, y, 400, y)
    for x in (250, 320, 400):
        page.rule(x, 120, x, 160)
    page.text(254, 133, "Mode").text(324, 133, "Use").text(254, 153, "SHARE").text(324, 153, "Readers")
    page.text(72, 200, "Next part", 16).lines(72, 220, PROSE)

    text = read(pdf_file([page])).text

    assert text.index("the last one.") < text.index("| SHARE | Readers |") < text.index("# Next part")


def test_a_paragraph_goes_on_in_the_next_column_without_breaks_in_its_lines() -> None:
    left = [f"left {number} words of the first column and" for number in range(8)]
    right = [f"right {number} words of the second column and" for number in range(8)]

    text = read(pdf_file([PdfPage().lines(72, 100, left).lines(310, 100, right)])).text

    assert text == " ".join([*left, *right]) + "\n"


@pytest.mark.parametrize("by_rows", [False, True])
def test_two_columns_are_read_one_after_the_other_however_they_were_drawn(by_rows: bool) -> None:
    left = [f"left {number} words of the first column" for number in range(8)]
    right = [f"right {number} words of the second one" for number in range(8)]
    page = PdfPage().text(72, 60, "A heading that goes over both of the columns of this page", 16, BOLD)
    if by_rows:
        for number, pair in enumerate(zip(left, right, strict=True)):
            page.text(72, 100 + 12 * number, pair[0]).text(310, 100 + 12 * number, pair[1])
    else:
        page.lines(310, 100, right).lines(72, 100, left)

    text = read(pdf_file([page])).text

    assert text.split("\n\n", 1)[0] == "# A heading that goes over both of the columns of this page"
    assert [text.index(line) for line in (*left, *right)] == sorted(text.index(line) for line in (*left, *right))


def test_running_lines_are_no_part_of_the_text_nor_its_title() -> None:
    extracted = read(pdf_file(letters(6, running="ACME CONFIDENTIAL")))

    assert "ACME" not in extracted.text
    assert [line for line in extracted.text.splitlines() if line.strip().isdecimal()] == []
    assert all(f"sheet {number} of them" in extracted.text for number in range(1, 7))
    assert extracted.title is None


def test_rows_that_begin_each_page_are_no_running_lines() -> None:
    pages = [
        PdfPage().lines(72, 60, [f"line {20 * page + row} of the log of it" for row in range(20)]) for page in range(4)
    ]

    text = read(pdf_file(pages)).text

    assert all(f"line {number} of the log" in text for number in range(80))


def test_a_word_divided_at_the_end_of_a_line_is_whole_and_a_compound_keeps_its_hyphen() -> None:
    lines = [
        "It is a well-known rule that what is writ-",
        "ten on two lines is one word, and a well-",
        "known word stays as it is.",
    ]

    text = read(pdf_file([PdfPage().lines(72, 60, lines)])).text

    assert text.startswith(
        "It is a well-known rule that what is written on two lines is one word, and a well-known word"
    )


def test_the_outline_says_what_is_a_heading_and_how_deep() -> None:
    page = (
        PdfPage()
        .text(72, 60, "1. Install")
        .lines(72, 80, PROSE)
        .text(72, 160, "Note: bold", font=BOLD)
        .lines(72, 180, PROSE)
    )
    page.text(72, 260, "2. Configure").lines(72, 280, PROSE)

    text = read(pdf_file([page], outline=[("Install", 0), ("Configure", 0)])).text

    assert [line for line in text.splitlines() if line.startswith("#")] == ["# 1. Install", "# 2. Configure"]


def test_without_an_outline_larger_and_bold_type_make_headings_but_not_what_ends_in_a_colon() -> None:
    page = PdfPage().text(72, 60, "Operator guide", 20).text(72, 90, "Install", 14).lines(72, 110, PROSE)
    page.text(72, 180, "On Linux", font=BOLD).lines(72, 196, PROSE).text(72, 270, "For example:", 14).lines(
        72, 290, PROSE
    )

    extracted = read(pdf_file([page], title="Microsoft Word - guide-v3-FINAL.docx"))

    headings = [line for line in extracted.text.splitlines() if line.startswith("#")]
    assert headings == ["# Operator guide", "## Install", "### On Linux"]
    assert extracted.title == "Operator guide"


def test_the_title_is_what_the_file_says_where_that_is_no_template() -> None:
    page = PdfPage().text(72, 60, "Second edition, revised", 20).text(72, 90, "The Harbour Book").lines(72, 120, PROSE)

    assert read(pdf_file([page], title="The Harbour Book")).title == "The Harbour Book"
    assert read(pdf_file([page], title="Corporate brochure A4")).title == "Second edition, revised"


def test_lines_of_code_stay_lines_with_their_indentation() -> None:
    page = (
        PdfPage()
        .lines(72, 60, PROSE)
        .lines(90, 120, ["if ready:", "    start(now)", "", "stop()"], font=MONO)
        .lines(72, 190, PROSE)
    )

    assert "\n```\nif ready:\n    start(now)\n\nstop()\n```\n" in read(pdf_file([page])).text


def test_figures_above_the_line_bear_a_mark() -> None:
    page = PdfPage().text(72, 60, "It keeps 10").text(121, 56, "6", 6).text(128, 60, "rows of them.")

    assert read(pdf_file([page])).text.strip() == "It keeps 10^6 rows of them."


def test_a_figure_within_a_word_bears_a_mark_as_browsers_print_it_and_a_lowered_one_stays_in_its_word() -> None:
    page = PdfPage().text(72, 100, "E = mc").text(103.5, 96, "2", 8.3).text(108.2, 100, ", and water is H")
    page.text(177.8, 103, "2", 8.3).text(182.5, 100, "O.")

    assert read(pdf_file([page])).text == "E = mc^2, and water is H2O.\n"


def test_code_directly_below_the_line_that_tells_it_is_code() -> None:
    page = PdfPage().text(72, 100, "It reads:").text(72, 111, "if x:", 8, MONO).text(91.2, 120, "return 1", 8, MONO)

    assert read(pdf_file([page])).text == "It reads:\n\n```\nif x:\n    return 1\n```\n"


def test_a_long_file_is_whole_and_in_order_though_several_read_it() -> None:
    text = read(pdf_file(letters(200))).text

    places = [text.index(f"sheet {number} of them") for number in range(1, 201)]
    assert places == sorted(places)


def test_a_page_that_ends_what_reads_it_is_left_out_and_told() -> None:
    extracted = read(pdf_with_a_page_of_forms(), Limits(seconds=6.0, memory_mb=600))

    assert extracted.text.split() == ["before", "after"]
    (loss,) = extracted.losses
    assert loss.kind is LossKind.PARTS_LEFT_OUT
    assert loss.words.startswith("not read: page 2 (")


def test_a_file_of_more_text_than_may_be_is_refused() -> None:
    with pytest.raises(UnreadableError, match="max_document_bytes"):
        extract(Format.PDF, pdf_file(letters(60)), 5_000, LIMITS)


def test_a_page_without_text_is_read_where_that_is_asked_for() -> None:
    if not shutil.which("tesseract"):
        pytest.skip("tesseract is not installed")

    extracted = read((CASES / "halfscan.pdf").read_bytes(), Limits(240.0, 1500, Wanted(ocr="eng")))

    assert extracted.text.split("\n\n")[1].strip() == "SCANNED TEXT IN A PICTURE"
    assert extracted.losses == ()


def test_a_page_that_cannot_be_recognised_says_why() -> None:
    extracted = read((CASES / "halfscan.pdf").read_bytes(), Limits(240.0, 1500, Wanted(ocr="xxx")))

    (loss,) = extracted.losses
    assert loss == Loss(LossKind.PARTS_LEFT_OUT, 1, loss.words)
    assert loss.words.startswith("not read: page 2 (tesseract")


def test_a_large_file_of_little_text_is_read_and_one_of_much_text_is_refused(tmp_path: Path) -> None:
    padded = letters(1)
    padded[0].drawn.append("%" + "x" * 40_000)
    (tmp_path / "a.pdf").write_bytes(pdf_file(padded))
    (tmp_path / "b.txt").write_bytes(b"x" * 40_000)
    (tmp_path / "c.pdf").write_bytes(pdf_file(padded) + b"x" * 100_000)
    small, text, large = (
        file for file in Files([str(tmp_path)], limits=LIMITS).items() if isinstance(file, SourceFile)
    )

    assert "sheet 1 of them" in small.read(10_000).text
    with pytest.raises(UnreadableError, match=r"40,000 bytes, over max_document_bytes \(10,000\)"):
        text.read(10_000)
    with pytest.raises(UnreadableError, match=r"bytes, over 8 times max_document_bytes \(10,000\)"):
        large.read(10_000)


def test_what_is_filled_into_a_form_is_read_beside_its_label_and_comments_are_told() -> None:
    page = (
        PdfPage()
        .text(72, 100, "Name of the tenant:")
        .field(180, 100, "Erika Mustermann")
        .text(72, 140, "Signed below.")
    )

    extracted = read(pdf_file([page.note(300, 200, "ask her again")]))

    assert extracted.text.splitlines()[0] == "Name of the tenant: Erika Mustermann"
    assert "ask her" not in extracted.text
    assert [(loss.kind, loss.words) for loss in extracted.losses] == [(LossKind.PARTS_LEFT_OUT, "1 comment")]
