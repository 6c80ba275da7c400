"""Books as EPUB: every chapter in its order, and what is missing of them told."""

from __future__ import annotations

import io
import zipfile

import pytest

from ingest.model import LossKind
from ingest.sources.extraction.formats import Format
from ingest.sources.extraction.markdown import to_markdown
from ingest.sources.text import UnreadableError

CONTAINER = (
    '<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)


def epub(chapters: dict[str, str], *, more: dict[str, str] | None = None, missing: tuple[str, ...] = ()) -> bytes:
    """A book of these chapters, by their names, in reverse order in its list of parts."""
    names = [*chapters, *missing]
    items = "".join(f'<item id="{name}" href="{name}" media-type="application/xhtml+xml"/>' for name in reversed(names))
    spine = "".join(f'<itemref idref="{name}"/>' for name in names)
    listed = (
        '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Ants &amp; bees</dc:title></metadata>'
        "<manifest>"
        '<item id="n" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>'
        f'<item id="v" href="a.svg" media-type="image/svg+xml"/>{items}</manifest>'
        f'<spine><itemref idref="n"/>{spine}</spine></package>'
    )
    parts = {"mimetype": "application/epub+zip", "META-INF/container.xml": CONTAINER, "OEBPS/content.opf": listed}
    parts["OEBPS/nav.xhtml"] = "<html><body><ol><li>CONTENTS</li></ol></body></html>"
    for name, body in chapters.items():
        head = '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>'
        parts[f"OEBPS/{name}"] = f"{head}{body}</body></html>"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as package:
        for name, part in {**parts, **(more or {})}.items():
            package.writestr(name, part)
    return packed.getvalue()


def test_the_chapters_are_read_in_the_order_of_the_book() -> None:
    read = to_markdown(
        Format.PACKAGE,
        epub(
            {
                "b.xhtml": "<h1>One</h1><p>See  “<a href='x'>Code</a>” end</p>",
                "a.xhtml": "<h1>Two</h1><p>10<sup>6</sup></p>",
            }
        ),
    )

    assert read.text == "# One\n\nSee “Code” end\n\n# Two\n\n10^6\n"
    assert (read.title, read.losses) == ("Ants & bees", ())


def test_a_chapter_that_is_missing_is_told_and_the_rest_is_read() -> None:
    (loss,) = (read := to_markdown(Format.PACKAGE, epub({"a.xhtml": "<p>Words</p>"}, missing=("b.xhtml",)))).losses

    assert read.text == "Words\n"
    assert (loss.kind, loss.amount) == (LossKind.PARTS_LEFT_OUT, 1)
    assert "b.xhtml" in loss.words


def test_a_chapter_that_is_damaged_is_told() -> None:
    whole = epub({"a.xhtml": "<p>Words</p>", "b.xhtml": f"<p>{'Other words, ' * 30}</p>"})
    with zipfile.ZipFile(io.BytesIO(whole)) as package:
        begins = package.getinfo("OEBPS/b.xhtml").header_offset + 60
    damaged = whole[:begins] + b"\xff" * 20 + whole[begins + 20 :]

    read = to_markdown(Format.PACKAGE, damaged)

    assert read.text == "Words\n"
    assert [loss.amount for loss in read.losses] == [1]


def test_a_book_whose_chapters_are_encrypted_is_refused_and_one_whose_fonts_are_is_read() -> None:
    def encrypted(part: str) -> dict[str, str]:
        reference = (
            f'<EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#"><CipherReference URI="{part}"/></EncryptedData>'
        )
        return {"META-INF/encryption.xml": f"<encryption>{reference}</encryption>"}

    with pytest.raises(UnreadableError, match=r"^encrypted$"):
        to_markdown(Format.PACKAGE, epub({"a.xhtml": "x"}, more=encrypted("OEBPS/a.xhtml")))
    assert to_markdown(Format.PACKAGE, epub({"a.xhtml": "x"}, more=encrypted("OEBPS/font.otf"))).text == "x\n"


@pytest.mark.parametrize("part", ["META-INF/container.xml", "OEBPS/content.opf"])
def test_a_book_without_a_list_of_its_chapters_is_damaged(part: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as package, zipfile.ZipFile(io.BytesIO(epub({"a.xhtml": "x"}))) as whole:
        for name in whole.namelist():
            package.writestr(name, b"" if name == part else whole.read(name))

    with pytest.raises(UnreadableError, match="damaged: its chapters cannot be listed"):
        to_markdown(Format.PACKAGE, packed.getvalue())
