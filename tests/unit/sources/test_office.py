"""Office documents as people read them; what is not read of them is told."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from office_files import opendocument, package, paragraph, row, word_file, workbook

from ingest.sources.extraction.extracting import extract
from ingest.sources.extraction.formats import Format
from ingest.sources.extraction.number_formats import shown
from ingest.sources.extraction.workers import Limits
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from ingest.sources.extraction.extracted import Extracted

FILES = Path(__file__).parents[2] / "files"
CASES = FILES / "cases"
LIMITS = Limits(seconds=120.0, memory_mb=1024)


def read(content: bytes, format_: Format = Format.PACKAGE) -> Extracted:
    return extract(format_, content, 16_777_216, LIMITS)


def told(extracted: Extracted) -> list[str]:
    return [loss.words for loss in extracted.losses]


# Word


def test_tabs_breaks_and_hyphens_of_a_word_file_divide_words() -> None:
    extracted = read((CASES / "units.docx").read_bytes())

    for words in (
        "Name: Ana Example Total: 1,250",
        "Left-hand",
        "One Two",
        "10^6 rows; H2O.",
        "Symbol ✓ done",
        "LINKTEXT",
    ):
        assert words in extracted.text
    assert extracted.title == "Units and notes"
    assert "VANISHED" not in extracted.text
    assert told(extracted) == ["1 hidden passage"]


def test_places_in_a_font_of_symbols_are_characters_and_what_only_the_font_knows_is_told() -> None:
    def symbol(font: str, place: str) -> str:
        return f'<w:r><w:sym w:font="{font}" w:char="{place}"/></w:r>'

    in_text = '<w:r><w:rPr><w:rFonts w:ascii="Symbol" w:hAnsi="Symbol"/></w:rPr><w:t>\uf062 \uf0b3 \uf0ff</w:t></w:r>'
    drawn = [("Symbol", "F061"), ("Symbol", "F0A3"), ("Wingdings", "F0FC"), ("Wingdings 2", "F052"), ("Arial", "2713")]
    body = f"<w:p>{''.join(symbol(*each) for each in drawn)}{in_text}{symbol('Webdings', 'F061')}</w:p>"

    extracted = read(word_file(body))

    assert extracted.text == "α≤✓☑✓β ≥\n"
    assert told(extracted) == ["2 symbols without a character"]


def test_headings_are_known_by_their_style_its_base_or_their_outline_level() -> None:
    styles = (
        '<w:style w:styleId="H2"><w:name w:val="heading 2"/></w:style>'
        '<w:style w:styleId="Own"><w:name w:val="House"/><w:basedOn w:val="H2"/></w:style>'
        '<w:style w:styleId="Deep"><w:name w:val="Deep"/><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style>'
    )
    body = (
        paragraph("A", '<w:outlineLvl w:val="0"/>') + paragraph("B", '<w:pStyle w:val="Own"/>')
        + paragraph("C", '<w:pStyle w:val="Deep"/>')
        + paragraph("text", '<w:pStyle w:val="H2"/><w:outlineLvl w:val="9"/>')
    )  # fmt: skip

    assert read(word_file(body, {"word/styles.xml": styles})).text == "# A\n\n## B\n\n### C\n\ntext\n"


def test_lists_keep_their_bullets_numbers_and_depth() -> None:
    levels = (
        '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>'
        '<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%1.%2)"/></w:lvl>'
    )
    numbering = (
        f'<w:abstractNum w:abstractNumId="0">{levels}</w:abstractNum>'
        '<w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>'
    )

    def entry(text: str, number: int, depth: int) -> str:
        return paragraph(text, f'<w:numPr><w:ilvl w:val="{depth}"/><w:numId w:val="{number}"/></w:numPr>')

    body = entry("one", 1, 0) + entry("deep", 1, 1) + entry("two", 1, 0) + paragraph("then") + entry("dot", 2, 0)

    text = read(word_file(body, {"word/numbering.xml": numbering})).text

    assert text == "1. one\n  - 1.a) deep\n2. two\n\nthen\n\n- dot\n"


def test_code_stays_in_lines() -> None:
    styles = '<w:style w:styleId="S"><w:name w:val="Source Code"/></w:style>'
    mono = '<w:p><w:r><w:rPr><w:rFonts w:ascii="Courier New"/></w:rPr>'
    mono += '<w:t xml:space="preserve">  indented()</w:t></w:r></w:p>'
    body = (
        paragraph("if x:", '<w:pStyle w:val="S"/>')
        + f"{mono}<w:p><w:pPr><w:pStyle w:val='S'/></w:pPr><w:r><w:t>a</w:t><w:br/><w:t>b</w:t></w:r></w:p>"
    )

    assert read(word_file(body, {"word/styles.xml": styles})).text == "```\nif x:\n  indented()\na\nb\n```\n"


def test_notes_stand_below_their_paragraph_and_comments_are_left_out_and_counted() -> None:
    notes = f'<w:footnote w:id="2">{paragraph("Ports are closed at night.")}</w:footnote>'
    comments = '<w:comments xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">' + 2 * (
        "<w:comment><w:p><w:r><w:t>COMMENTWORD</w:t></w:r></w:p></w:comment>"
    )
    body = '<w:p><w:r><w:t>The harbour</w:t><w:footnoteReference w:id="2"/><w:t> is open.</w:t></w:r></w:p>'
    parts = {"word/footnotes.xml": notes, "word/comments.xml": f"{comments}</w:comments>"}

    extracted = read(word_file(body, parts))

    assert extracted.text == "The harbour[^2] is open.\n\n[^2]: Ports are closed at night.\n"
    assert told(extracted) == ["2 comments"]


def test_a_table_has_a_header_and_its_merged_cells_in_place() -> None:
    def cell(text: str, properties: str = "") -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(text)}</w:tc>"

    rows = [
        cell("Mode") + cell("Holds | waits", '<w:gridSpan w:val="2"/>'),
        cell("A", '<w:vMerge w:val="restart"/>') + cell("1") + cell("2"),
        cell("", "<w:vMerge/>") + cell("3") + cell("4"),
    ]
    body = "<w:tbl>" + "".join(f"<w:tr>{each}</w:tr>" for each in rows) + "</w:tbl>"

    text = read(word_file(body)).text

    assert text == "| Mode | Holds \\| waits |  |\n| --- | --- | --- |\n| A | 1 | 2 |\n|  | 3 | 4 |\n"


def test_what_was_deleted_is_gone_and_what_a_field_is_made_of_is_not_read() -> None:
    body = (
        "<w:p><w:del><w:r><w:delText>OLD</w:delText></w:r></w:del><w:ins><w:r><w:t>new </w:t></w:r></w:ins>"
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>PAGEREF x</w:instrText></w:r>'
        '<w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>12</w:t></w:r>'
        '<w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>'
    )

    assert read(word_file(body)).text == "new 12\n"


def test_a_text_box_is_read_once_and_an_equation_is_latex() -> None:
    box = f"<w:txbxContent>{paragraph('boxed')}</w:txbxContent>"
    body = (
        "<w:p><w:r><mc:AlternateContent><mc:Choice><w:drawing>"
        f"{box}</w:drawing></mc:Choice><mc:Fallback><w:pict>{box}</w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>"
        "<w:p><m:oMath><m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:rad><m:e><m:r><m:t>b</m:t></m:r></m:e></m:rad>"
        "</m:den></m:f></m:oMath></w:p>"
    )

    assert read(word_file(body)).text == "boxed\n\n$\\frac{a}{\\sqrt{b}}$\n"


def test_a_picture_is_the_words_that_stand_for_it_and_is_told_where_there_are_none() -> None:
    def picture(words: str) -> str:
        return (
            f'<w:p><w:r><w:drawing><wp:inline><wp:docPr descr="{words}"/><a:blip/></wp:inline></w:drawing></w:r></w:p>'
        )

    extracted = read(word_file(picture("A chart of sales") + picture("") + picture("") + paragraph("text")))

    assert extracted.text == "A chart of sales\n\ntext\n"
    assert told(extracted) == ["2 pictures without alternative text"]


def test_macros_are_told() -> None:
    assert told(read(word_file(paragraph("text"), {"word/vbaProject.bin": b"x"}))) == ["1 part with macros"]


# Slides


def test_slides_have_notes_numbers_of_charts_and_no_rules() -> None:
    extracted = read((CASES / "deck.pptx").read_bytes())

    assert extracted.text.startswith("## Quarter results\n\n- BODYBULLET one\n- BODYBULLET two\n\nGROUPEDTEXT inside")
    assert "| Region | Revenue |\n| --- | --- |\n| North | TABLECELL 42 |" in extracted.text
    assert "CHARTTITLE\n\n| Category | CHARTSERIES |\n| --- | --- |\n| CHARTCAT A | 1 |\n| B | 2 |" in extracted.text
    assert "\n\nNotes: SPEAKERNOTES: explain why revenue fell.\n" in extracted.text
    assert "-----" not in extracted.text.replace("| --- |", "")
    assert told(extracted) == ["1 hidden slide"]


def test_a_deck_of_one_chart_is_its_numbers() -> None:
    assert read((CASES / "chartonly.pptx").read_bytes()).text == "| Category | S |\n| --- | --- |\n| A | 1 |\n"


# Sheets


def test_cells_are_as_they_are_shown_under_the_name_of_their_sheet() -> None:
    formats = {
        14: "",
        10: "",
        164: '#,##0.00 "€"',
        165: "[$$-409]#,##0.00;[Red]([$$-409]#,##0.00)",
        166: "dd/mm/yyyy",
        167: "h:mm",
    }
    rows = row(1, "Day", "Share", "Paid", "Owed", "Due", "At") + row(
        2, ("45292", 1), ("0.256", 2), ("1234.5", 3), ("-12", 4), ("45292", 5), ("0.75", 6)
    )

    assert read(workbook({"Accounts": rows}, formats=formats)).text == (
        "## Accounts\n\n| Day | Share | Paid | Owed | Due | At |\n| --- | --- | --- | --- | --- | --- |\n"
        "| 2024-01-01 | 25.60% | 1,234.50 € | ($12.00) | 01/01/2024 | 18:00 |\n"
    )


@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        ("0.1", "General", "0.1"),
        ("0.30000000000000004", "General", "0.3"),
        ("1e21", "General", "1e21"),
        ("5", "0.00", "5.00"),
        ("0.5", "0%", "50%"),
        ("1234567", "#,##0", "1,234,567"),
        ("1234567", '0.0,,"M"', "1.2M"),
        ("-3", "0", "-3"),
        ("7", "000", "007"),
        ("2.50", "0.##", "2.5"),
        ("45292.5", "yyyy-mm-dd hh:mm", "2024-01-01 12:00"),
        ("45292", "d mmmm yyyy", "1 January 2024"),
        ("0.0625", "h:mm AM/PM", "1:30 AM"),
        ("1.5", "[h]:mm", "36:00"),
        ("0.001", "mm:ss", "01:26"),
        ("12345", "0.00E+00", "1.23E+04"),
        ("words", "0.00", "words"),
        ("-1", "yyyy-mm-dd", "-1"),
        ("9e99", "yyyy-mm-dd", "9e99"),
    ],
)
def test_a_number_is_shown_by_its_format(text: str, code: str, expected: str) -> None:
    assert shown(text, code) == expected


def test_a_line_above_a_table_is_no_header_and_two_tables_of_a_sheet_are_two() -> None:
    rows = row(1, "Sales of 2024") + row(3, "Region", "Sum") + row(4, "North", ("5", 0)) + row(6, "Name", "Town", "Age")
    rows += row(7, "Ana", "Oslo", ("40", 0))

    assert read(workbook({"S": rows})).text == (
        "## S\n\nSales of 2024\n\n| Region | Sum |\n| --- | --- |\n| North | 5 |\n\n"
        "| Name | Town | Age |\n| --- | --- | --- |\n| Ana | Oslo | 40 |\n"
    )


def test_a_hidden_sheet_is_left_out_and_told_and_so_is_a_formula_without_a_value() -> None:
    rows = row(1, "a", "b") + '<row r="2"><c r="A2"><f>SUM(A1)</f></c><c r="B2"><f>1+1</f><v>2</v></c></row>'

    extracted = read(workbook({"Shown": rows, "Lists": row(1, "HIDDENWORD")}, hidden="Lists"))

    assert "HIDDENWORD" not in extracted.text
    assert "|  | 2 |" in extracted.text
    assert told(extracted) == ["1 hidden sheet: Lists", "1 formula without a computed value"]


def test_what_holds_nothing_that_can_be_read_says_what_it_holds() -> None:
    with pytest.raises(UnreadableError, match=r"no text in it: 1 formula without a computed value$"):
        read(workbook({"Sums": '<row r="1"><c r="A1"><f>1+1</f></c></row>'}))


def test_cells_far_apart_make_no_table_of_all_that_is_between() -> None:
    rows = "".join(
        f'<row r="{n}"><c r="{chr(65 + n % 26)}{chr(65 + n // 26 % 26)}{n}"><v>{n}</v></c></row>'
        for n in range(1, 1500)
    )

    text = read(workbook({"Far": rows})).text

    assert len(text) < 50_000


# OpenDocument


def test_a_text_keeps_headings_lists_tables_code_and_notes() -> None:
    styles = (
        '<style:style style:name="P1" style:parent-style-name="Preformatted_20_Text"/>'
        '<style:style style:name="T1"><style:text-properties style:text-position="super 58%"/></style:style>'
        '<style:style style:name="T2"><style:text-properties text:display="none"/></style:style>'
    )
    body = (
        '<text:h text:outline-level="2">Install</text:h><text:p>A<text:tab/>B<text:s text:c="3"/>C<text:line-break/>D '
        '10<text:span text:style-name="T1">6</text:span><text:span text:style-name="T2">HIDDENWORD</text:span></text:p>'
        "<text:list><text:list-item><text:p>one</text:p><text:list><text:list-item><text:p>deep</text:p></text:list-item>"
        "</text:list></text:list-item></text:list>"
        '<text:p text:style-name="P1">if x:</text:p><text:p text:style-name="P1"><text:s text:c="2"/>go()</text:p>'
        "<table:table><table:table-row><table:table-cell><text:p>h1</text:p></table:table-cell><table:table-cell>"
        "<text:p>h2</text:p></table:table-cell></table:table-row></table:table>"
        "<text:p>See<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>There.</text:p>"
        "</text:note-body></text:note> it<office:annotation><text:p>COMMENTWORD</text:p></office:annotation>.</text:p>"
    )

    extracted = read(opendocument("text", body, styles))

    assert extracted.text == (
        "## Install\n\nA B C D 10^6\n\n- one\n  - deep\n\n```\nif x:\n  go()\n```\n\n| h1 | h2 |\n| --- | --- |\n\n"
        "See[^1] it.\n\n[^1]: There.\n"
    )
    assert sorted(told(extracted)) == ["1 comment", "1 hidden passage"]


def test_a_spreadsheet_is_as_it_is_shown_and_a_million_repeated_cells_are_none() -> None:
    styles = '<style:style style:name="ta2"><style:table-properties table:display="false"/></style:style>'

    def cell(text: str) -> str:
        return f"<table:table-cell><text:p>{text}</text:p></table:table-cell>"

    rows = f"<table:table-row>{cell('Day')}{cell('Share')}</table:table-row>"
    rows += f"<table:table-row>{cell('1. Jan 2024')}{cell('25,6 %')}</table:table-row>"
    rows += '<table:table-row table:number-rows-repeated="1048574">'
    rows += '<table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    body = f'<table:table table:name="Accounts">{rows}</table:table>'
    body += '<table:table table:name="Lists" table:style-name="ta2">'
    body += f"<table:table-row>{cell('HIDDENWORD')}</table:table-row></table:table>"

    extracted = read(opendocument("spreadsheet", body, styles))

    assert extracted.text == "## Accounts\n\n| Day | Share |\n| --- | --- |\n| 1. Jan 2024 | 25,6 % |\n"
    assert told(extracted) == ["1 hidden sheet: Lists"]


def test_a_presentation_has_a_heading_for_each_slide_and_its_notes() -> None:
    body = (
        '<draw:page><draw:frame presentation:class="title"><draw:text-box><text:p>Results</text:p></draw:text-box>'
        "</draw:frame><draw:frame><draw:text-box><text:list><text:list-item><text:p>up</text:p></text:list-item></text:list>"
        "</draw:text-box></draw:frame><draw:frame><draw:image/></draw:frame><presentation:notes>"
        '<draw:frame presentation:class="notes"><draw:text-box><text:p>SPEAKERNOTES</text:p></draw:text-box>'
        "</draw:frame></presentation:notes></draw:page>"
    )

    extracted = read(opendocument("presentation", body))

    assert extracted.text == "## Results\n\n- up\n\nNotes: SPEAKERNOTES\n"
    assert told(extracted) == ["1 picture without alternative text"]


# RTF


def test_notes_of_rtf_are_read_and_its_pictures_told() -> None:
    extracted = read(
        rb"{\rtf1\ansi{\fonttbl{\f0 Times;}}\pard The harbour{\footnote\pard\plain {\super\chftn} Ports are closed.}"
        rb" is open.\par "
        rb"{\pict\wmetafile8 0102}\pard Second \{one\}.\par}",
        Format.RTF,
    )

    assert "The harbour [ Ports are closed.] is open." in " ".join(extracted.text.split())
    assert "image" not in extracted.text
    assert told(extracted) == ["1 picture"]


# Hostile and old


@pytest.mark.parametrize("kind", ["text", "spreadsheet"])
def test_an_entity_of_an_opendocument_is_not_resolved(kind: str) -> None:
    content = opendocument(kind, "<text:p>&other;</text:p>")
    parts = {info: zipfile.ZipFile(io.BytesIO(content)).read(info).decode() for info in ("mimetype", "content.xml")}
    parts["content.xml"] = '<!DOCTYPE x [<!ENTITY other SYSTEM "file:///etc/passwd">]>' + parts["content.xml"]

    with pytest.raises(UnreadableError, match="no text in it"):
        read(package(parts))


def test_tables_in_tables_without_end_are_refused_or_read() -> None:
    body = "<w:tbl><w:tr><w:tc>" * 400 + paragraph("deep") + "</w:tc></w:tr></w:tbl>" * 400

    with pytest.raises(UnreadableError, match=r"nested too deep|damaged"):
        read(word_file(body))


@pytest.mark.parametrize(
    ("stream", "expected"), [("WordDocument", "save it as DOCX"), ("PowerPoint Document", "save it as PPTX")]
)
def test_what_is_too_old_to_be_read_says_what_can_be_done(stream: str, expected: str) -> None:
    content = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000) + stream.encode("utf-16-le") + bytes(100)

    with pytest.raises(UnreadableError, match=expected):
        read(content, Format.COMPOUND)


def test_a_part_that_is_damaged_is_told() -> None:
    with pytest.raises(UnreadableError, match=r"damaged: word/document\.xml"):
        read(package({"word/document.xml": "<w:document"}))


def test_a_workbook_of_excel_before_2007_has_each_sheet_as_a_table_and_dates_without_midnight() -> None:
    found = read((FILES / "clippy.xls").read_bytes(), Format.COMPOUND)

    assert found.title == "list-column"
    assert "## list-column\n\n| name | value |\n| --- | --- |\n| Name | Clippy |\n" in found.text
    assert "| Approx date of death | 2007-01-01 |\n| Weight in grams | 0.9 |\n" in found.text
    assert "## two-row-header\n\n| name | species | death | weight |\n" in found.text


def test_a_message_of_outlook_is_read_as_any_mail_with_its_attachments_named() -> None:
    found = read((FILES / "plain_jpeg_attached.msg").read_bytes(), Format.COMPOUND)

    assert found.title == "test"
    assert found.text.splitlines() == [
        "# test",
        "",
        '- From: "Matijs van Zuijlen" <Matijs.van.Zuijlen@xs4all.nl>',
        "- To: matijs@xxxxxx.nl",
        "- Date: 2007-09-24T13:28:03+00:00",
        "- Attachment: test.jpg",
        "",
        "test",
    ]
    assert [loss.words for loss in found.losses] == ["1 attached, not read: test.jpg"]
