"""Documents of every format, from real files; and files that are damaged or hostile, of which each gets its reason."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import hostile_files as hostile
import pytest

from ingest.chunker import chunk
from ingest.chunker.tokens import tokenizer
from ingest.model import Syntax
from ingest.sources.extraction.html import html_to_markdown
from ingest.sources.extraction.workers import Limits
from ingest.sources.files import Files, SourceFile
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Workshop

    from ingest.model import Document

FILES = Path(__file__).parent.parent / "files"
CORPUS = Path(__file__).parent.parent.parent / "examples" / "corpus"
NEGOTIATION = CORPUS / "japanese" / "httpd" / "content-negotiation.md"
MAX_BYTES = 16_777_216
AMPLE = Limits(seconds=60.0, memory_mb=1024)
SHORT = Limits(seconds=3.0, memory_mb=1024)  # only where it is to be passed: machines are slow at times


def read(path: Path, max_bytes: int = MAX_BYTES, limits: Limits = AMPLE) -> Document:
    (file,) = Files([str(path)], limits=limits).items()
    assert isinstance(file, SourceFile)
    return file.read(max_bytes)


def reason(path: Path, max_bytes: int = MAX_BYTES, limits: Limits = AMPLE) -> str:
    with pytest.raises(UnreadableError) as raised:
        read(path, max_bytes, limits)
    return str(raised.value)


def words(text: str) -> Counter[str]:
    """The words of a text, without the marks of Markdown; Japanese by the character."""
    text = re.sub(r"\]\([^)]*\)|[\\*_`|#\[\]-]", "", text)
    return Counter(re.findall(r"[a-zA-Z0-9]{2,}|[\u3040-\u9fff]", text))


def headings(document: Document) -> list[str]:
    """The headings that the chunker sees, of all passages in their order."""
    found: dict[str, None] = {}
    for passage in chunk(
        document.text,
        tokenizer=tokenizer("cl100k_base"),
        max_tokens=64,
        overlap=0,
        syntax=document.syntax,
        embed_headings=True,
    ):
        found.update(dict.fromkeys(passage.headings))
    return list(found)


@pytest.mark.parametrize(
    ("name", "source", "kept"),
    [
        ("content-negotiation.docx", NEGOTIATION, 1.0),
        ("content-negotiation.epub", NEGOTIATION, 1.0),
        ("content-negotiation.html", NEGOTIATION, 1.0),
        ("content-negotiation.pptx", NEGOTIATION, 1.0),
        ("content-negotiation.rst", NEGOTIATION, 1.0),
        ("constrained-parsing.rtf", CORPUS / "japanese" / "mecab" / "constrained-parsing.md", 1.0),
        # A word that is divided at the end of a line, or stands in a table without a gap, is another word.
        ("concurrency-control.pdf", CORPUS / "postgresql" / "concurrency-control.md", 0.99),
    ],
)
def test_a_real_file_keeps_the_words_of_what_it_was_made_of(name: str, source: Path, kept: float) -> None:
    expected = words(source.read_text())

    found = words(read(FILES / name).text)

    assert (expected & found).total() >= kept * expected.total()


@pytest.mark.parametrize("suffix", ["docx", "epub", "html", "rst"])
def test_the_headings_of_a_real_file_stand_above_its_passages(suffix: str) -> None:
    document = read(FILES / f"content-negotiation.{suffix}")

    assert {"ネゴシエーション方法", "Multiviews", "キャッシュに関する注意事項"} <= set(headings(document))


def test_the_headings_of_a_pdf_are_found_by_their_type() -> None:
    document = read(FILES / "concurrency-control.pdf")

    assert document.title == "Concurrency Control"
    assert {"Transaction Isolation", "Explicit Locking", "Deadlocks", "Advisory Locks"} <= set(headings(document))


@pytest.mark.parametrize("suffix", ["docx", "epub", "html", "pptx"])
def test_a_table_of_a_real_file_is_one_of_markdown(suffix: str) -> None:
    rows = [line for line in read(FILES / f"content-negotiation.{suffix}").text.splitlines() if line.startswith("|")]

    assert [cell.strip() for cell in rows[0].split("|")[1:-1]] == ["次元", "説明"]
    assert any("文字セット" in row for row in rows)


def test_each_sheet_of_a_workbook_is_a_table_under_its_name() -> None:
    document = read(FILES / "isolation-levels.xlsx")

    assert document.syntax is Syntax.MARKDOWN
    assert document.text.startswith("## Isolation levels\n\n| Isolation Level | Dirty Read |")
    assert "## Lock modes\n\n| Requested | held |\n| --- | --- |\n| ACCESS SHARE | 8 |" in document.text


def test_the_title_is_the_one_that_a_document_gives_itself() -> None:
    titles = {read(FILES / f"content-negotiation.{suffix}").title for suffix in ("docx", "epub", "html", "pptx")}

    assert titles == {"コンテントネゴシエーション"}


@pytest.mark.parametrize("name", ["concurrency-control.pdf", "content-negotiation.docx", "content-negotiation.html"])
def test_a_format_is_known_by_what_stands_in_the_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "unnamed").write_bytes((FILES / name).read_bytes())

    assert read(tmp_path / "unnamed").text == read(FILES / name).text


@pytest.mark.parametrize("name", ["a.md", "a.py", "a.txt"])
@pytest.mark.parametrize(
    "text", ["<html> begins a page.", "From: a@example.com\nDate: today\nSubject: a letter\n\nwords"]
)
def test_what_is_text_by_its_name_stays_as_it_is(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)

    assert read(tmp_path / name).text == text


def test_the_body_of_a_message_may_be_of_another_kind_of_text(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_text("Subject: notes\nContent-Type: text/asciidoc\n\n== Ants\n")

    assert read(tmp_path / "a.eml").text.strip() == "# notes\n\n\n== Ants"


def test_a_page_of_html_leaves_out_navigation_scripts_and_the_targets_of_links(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        "<title>All &amp; more</title><script>track()</script><nav>menu</nav><form><h1>Ants</h1>"
        "<p>They <a href='https://example.com/far'>dig</a> deep.</p></form>"
    )

    document = read(tmp_path / "a.html")

    assert (document.title, document.text.strip()) == ("All & more", "# Ants\n\nThey dig deep.")


@pytest.mark.parametrize(
    ("encoding", "declared"), [("shift_jis", '<meta charset="Shift_JIS">'), ("euc-jp", '<?xml encoding="EUC-JP"?>')]
)
def test_html_is_decoded_as_it_says(tmp_path: Path, encoding: str, declared: str) -> None:
    (tmp_path / "a.html").write_bytes(f"{declared}<p>日本語の文書</p>".encode(encoding))

    assert read(tmp_path / "a.html").text.strip() == "日本語の文書"


def test_a_message_is_its_headers_and_its_body(tmp_path: Path) -> None:
    (tmp_path / "unnamed").write_bytes(
        b"From: =?iso-2022-jp?b?GyRCOzNFRBsoQg==?= <yamada@example.jp>\r\nTo: all@example.jp\r\n"
        b"Subject: =?iso-2022-jp?b?GyRCMnE1RBsoQg==?=\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
        b"--x\r\nContent-Type: text/html; charset=iso-2022-jp\r\n\r\n<p>\x1b$B2q5D$O6bMKF|$G$9\x1b(B</p>\r\n"
        b"--x\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=plan.pdf\r\n\r\n"
        b"%PDF\r\n--x--"
    )

    document = read(tmp_path / "unnamed")

    assert document.title == "会議"
    assert document.text.strip() == (
        "# 会議\n\n- From: 山田 <yamada@example.jp>\n- To: all@example.jp\n- Attachment: plan.pdf\n\n会議は金曜日です"
    )


@pytest.mark.parametrize(
    ("name", "make", "expected"),
    [
        ("bomb.docx", lambda: hostile.word_bomb(600), r"would unpack to 6\d\d,\d{3},\d{3} bytes, over 500,000,000"),
        ("smaller-bomb.docx", lambda: hostile.word_bomb(200), "damaged: .*uncompressed size .* exceeds limit"),
        ("laughs.docx", hostile.billion_laughs, "no text in it"),
        ("outside.docx", lambda: hostile.outside_entity("/etc/passwd"), "no text in it"),
        ("cut.docx", lambda: (FILES / "content-negotiation.docx").read_bytes()[:30_000], "damaged: its parts"),
        ("text.docx", lambda: b"words", "damaged: its parts"),
        ("locked.pdf", hostile.encrypted_pdf, "encrypted"),
        ("scan.pdf", hostile.pdf_of_an_image, "no text in it: 1 of 1 .*; to have pictures read set ocr"),
        ("loop.pdf", hostile.pdf_of_a_loop, "no text in it"),
        ("cut.pdf", lambda: hostile.pdf("words")[:200], "damaged: "),
        ("pages.pdf", lambda: hostile.pdf_of_pages(400_000), "400,000 pages, over 50,000"),
        ("forms.pdf", lambda: hostile.pdf_of_forms(12), "extract_seconds|extract_memory_mb"),
        ("deep.html", lambda: b"<div>" * 100_000 + b"deep words", "nested too deep"),
        ("deep.eml", lambda: hostile.nested_mail(3000), "nested too deep"),
    ],
)
def test_a_damaged_or_hostile_file_gets_its_reason(
    tmp_path: Path, name: str, make: Callable[[], bytes], expected: str
) -> None:
    (tmp_path / name).write_bytes(make())

    limits = SHORT if "extract_seconds" in expected else AMPLE

    assert re.search(expected, reason(tmp_path / name, limits=limits))


def test_a_file_that_needs_too_much_memory_is_stopped(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(hostile.pdf_of_forms(12))

    with pytest.raises(UnreadableError, match=r"needs more than 600 MB \(extract_memory_mb\)"):
        read(tmp_path / "a.pdf", limits=Limits(seconds=100.0, memory_mb=600))


def test_text_that_grows_out_of_a_file_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(hostile.word_bomb(2))

    assert re.fullmatch(
        r"1,\d{3},\d{3} bytes of text, over max_document_bytes \(1,000,000\)", reason(tmp_path / "a.docx", 1_000_000)
    )


@pytest.mark.parametrize("name", ["a.pdf", "a.rtf"])
def test_without_the_extra_the_reason_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A module of its name that cannot be imported stands for one that is not there."""
    (tmp_path / "pypdfium2.py").write_text("raise ImportError")
    (tmp_path / "kreuzberg.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "a.pdf").write_bytes(hostile.pdf("words"))
    (tmp_path / "a.rtf").write_bytes((FILES / "constrained-parsing.rtf").read_bytes())

    with pytest.raises(UnreadableError, match=r"pip install 'pgvector-ingest\[documents\]'"):
        read(tmp_path / name, limits=Limits(seconds=30.0, memory_mb=1000))  # of its own, so with workers of its own


def test_a_worker_knows_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of its name that tells what it sees stands for one that a document has taken over."""
    (tmp_path / "kreuzberg.py").write_text(
        "import os\nclass KreuzbergError(Exception): pass\n"
        "class Result: content, metadata = repr(dict(os.environ)), {}\n"
        "def extract_bytes_sync(*_): return Result\n"
        "def __getattr__(name): return lambda **_: None\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:secret@localhost")
    (tmp_path / "a.rtf").write_bytes((FILES / "constrained-parsing.rtf").read_bytes())

    seen = read(tmp_path / "a.rtf", limits=Limits(seconds=30.0, memory_mb=1001)).text

    assert str(tmp_path) in seen
    assert "secret" not in seen


def test_a_library_that_panics_does_not_end_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module of its name that raises as what is written in Rust does, which is no Exception."""
    (tmp_path / "kreuzberg.py").write_text(
        "class KreuzbergError(Exception): pass\n"
        "class PanicException(BaseException): pass\n"
        "def extract_bytes_sync(content, *_):\n"
        "    if b'panic' in content: raise PanicException('index out of bounds')\n"
        "    return Result\n"
        "class Result: content, metadata = 'still here', {}\n"
        "def __getattr__(name): return lambda **_: None\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    limits = Limits(seconds=30.0, memory_mb=1002)
    (tmp_path / "a.rtf").write_bytes(b"{\\rtf1 panic}")
    (tmp_path / "b.rtf").write_bytes(b"{\\rtf1 words}")

    why = reason(tmp_path / "a.rtf", limits=limits)

    assert why == "damaged, or what reads it is: PanicException"
    assert read(tmp_path / "b.rtf", limits=limits).text == "still here"


def test_nothing_is_left_of_a_run_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    script = (
        "import sys, time; from ingest.sources.files import Files\n"
        "[item.read(10**7) for item in Files(sys.argv[1:]).items()]; print('read', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, FILES / "concurrency-control.pdf"],
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"read\n"
        assert list((tmp_path / "temporary").iterdir())
        process.kill()
        process.wait()
        deadline = time.monotonic() + 30
        while list((tmp_path / "temporary").iterdir()) and time.monotonic() < deadline:
            time.sleep(0.05)

    assert not list((tmp_path / "temporary").iterdir())


def test_the_rest_goes_on_when_a_file_is_refused(workshop: Workshop) -> None:
    for number in range(3):
        (workshop.folder / f"{number}-scan.pdf").write_bytes(hostile.pdf_of_an_image())
        (workshop.folder / f"{number}-forms.pdf").write_bytes(hostile.pdf_of_forms(12))
        (workshop.folder / f"{number}-words.pdf").write_bytes(hostile.pdf(f"The number is {number}"))
    os.link(FILES / "content-negotiation.docx", workshop.folder / "z.docx")
    workshop.write("a.txt", "Some words.")

    with workshop.pipeline(extract_seconds=2.0, extract_memory_mb=600) as pipeline:
        report = pipeline.sync([str(workshop.folder)])
        again = pipeline.sync([str(workshop.folder)])

    assert report.documents_new == 5
    assert (report.skipped_count, again.skipped_count) == (6, 6)
    assert {Path(skipped.name).name for skipped in report.skipped} == {
        f"{number}-{kind}.pdf" for number in range(3) for kind in ("scan", "forms")
    }
    assert (again.documents_new, again.documents_gone) == (0, 0)
    rows = workshop.query("SELECT content FROM chunks WHERE content ~ 'The number is' ORDER BY 1")
    assert [content.strip() for (content,) in rows] == [f"The number is {number}" for number in range(3)]


def test_nothing_in_a_page_leads_elsewhere_once_it_is_stored() -> None:
    page = """
        <p>Before <img src="http://t.example/p.gif?u=me" width="1"> after <img src="c.png" alt="A chart of
        sales"> and <a href="http://l.example/">a link</a>.</p>
        <iframe src="file:///etc/passwd">inside</iframe><frame src="file:///etc/hosts"><embed src="http://e.example/e">
        <object data="file:///o.pdf">an object</object><video src="http://v.example/v.mp4" poster="http://v.example/p.jpg">
        a film</video><audio src="http://a.example/a.mp3"></audio><svg><image href="http://s.example/x.png"/></svg>
        <picture><source srcset="http://s.example/1.webp"><img src="http://s.example/1.jpg" alt="A portrait"></picture>
        <table background="http://b.example/"><tr><td>cell <img src="x.png" alt="in a cell"></td></tr></table>
        <input type="image" src="http://i.example/i.png" alt="go"><p style="background: url(http://c.example/c)">styled</p>
    """

    text = html_to_markdown(page)

    assert [word for word in ("http", "file:", ".png", "![", "](", "etc/") if word in text] == []
    for words in ("Before after A chart of sales and a link.", "an object", "A portrait", "cell in a cell", "styled"):
        assert words in text
