"""Bytes to text: no U+FFFD that was not there, no mojibake, and what was guessed or left out is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.model import LossKind
from ingest.sources.charsets import codec_of
from ingest.sources.encodings import decoded
from ingest.sources.text import UnreadableError

SPANISH = "Señor Muñoz pidió café con leche y la factura del año pasado; la compañía no aceptó.\n"
GERMAN = "Die Größe der Tür ist überall gleich, schöne Grüße aus München.\n"
POLISH = "Zażółć gęślą jaźń. Książka leży na stole, a źdźbło trawy jest żółte.\n"
CZECH = "Příliš žluťoučký kůň úpěl ďábelské ódy. Běžný český text je dlouhý.\n"
TURKISH = "Türkçe metin şöyle ığdır, çünkü İstanbul büyük bir şehir ve güzeldir.\n"
RUSSIAN = "Русский текст в старой кодировке, его читают люди.\n"
JAPANESE = "日本語の文書です。これは試験です。\n"
CHINESE = "中文文件，编码不明。\n"
TAIWAN = "中文檔案，編碼不明，請打開。\n"
KOREAN = "한국어 문서입니다. 서울과 부산.\n"
ENGLISH = "The quick brown fox jumps over the lazy dog near the river bank and then sleeps.\n"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("latin-1", SPANISH * 3),
        ("cp1252", "Größe: 10 €, “quoted” – naïve; l’été, garçon\n" * 3),
        ("cp1252", "naïve"),
        ("cp1252", "id,text\n1,café\n"),
        ("cp1252", ENGLISH * 1000 + "naïve\n" + ENGLISH * 1000),
        ("iso8859-15", "Prix: 10 €, Œuvre complète, cœur, été\n" * 3),
        ("cp437", GERMAN * 4),
        ("mac-roman", SPANISH * 3),
        ("cp1250", POLISH * 3),
        ("iso8859-2", POLISH * 3),
        ("cp1250", CZECH * 3),
        ("iso8859-2", CZECH * 3),
        ("cp1254", TURKISH * 3),
        ("cp1257", "Ąžuolas žaliuoja, šviesi diena, ėjau namo\n" * 4),
        ("koi8-r", RUSSIAN),
        ("cp1251", RUSSIAN),
        ("cp866", RUSSIAN),
        ("cp1251", "Привет"),
        ("cp1253", "Ελληνικά κείμενα, που διαβάζουν οι άνθρωποι\n"),
        ("cp1255", "שלום עולם, זה טקסט בעברית שנכתב לפני שנים רבות\n"),
        ("cp1256", "مرحبا بالعالم\n"),
        ("cp874", "สวัสดีชาวโลก นี่คือข้อความภาษาไทย\n"),
        ("shift_jis", JAPANESE),
        ("shift_jis", "id,text\n1,日本語\n"),
        ("shift_jis", "テスト,データ\nアイウエオ,カキクケコ\n"),
        ("shift_jis", "<table><tr><td>東京</td><td>大阪</td></tr><tr><td>日本語のページ</td></tr></table>"),
        ("euc-jp", JAPANESE),
        ("iso2022_jp", JAPANESE),
        ("gb18030", CHINESE),
        ("gbk", "id,text\n1,中文\n"),
        ("big5", TAIWAN),
        ("big5", "id,text\n1,臺北\n"),
        ("euc-kr", KOREAN),
        ("iso2022_kr", KOREAN),
        ("utf-16-le", "hi"),
        ("utf-16-le", JAPANESE * 2),
        ("utf-16-be", "wide 日本\r\n"),
        ("utf-16-be", CHINESE * 2),
        ("utf-32-le", "wide 日本"),
        ("utf-32-be", GERMAN),
    ],
)
def test_bytes_that_are_no_utf8_are_read_as_what_they_are_and_that_is_told(encoding: str, text: str) -> None:
    found = decoded(text.encode(encoding))

    assert found.text == text
    assert [(loss.kind, loss.amount) for loss in found.losses] == [(LossKind.BYTES_GUESSED, 1)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_mark_at_the_beginning_tells(encoding: str) -> None:
    assert decoded(GERMAN.encode(encoding)) == (GERMAN, ())


@given(st.text(st.characters(exclude_characters="\0\ufeff\x1b", exclude_categories=["Cs"])))
def test_utf8_comes_back_as_it_was(text: str) -> None:
    assert decoded(text.encode()) == (text, ())


@given(st.binary() | st.binary(min_size=200))
def test_what_is_decoded_can_be_stored(content: bytes) -> None:
    try:
        text = decoded(content).text
    except UnreadableError:
        return

    assert "\0" not in text
    text.encode()  # raises for a lone surrogate


@pytest.mark.parametrize(
    ("content", "text", "words"),
    [
        (
            (GERMAN * 9).encode() + b"Gr\xf6\xdfe\n" + GERMAN.encode(),
            GERMAN * 9 + "Größe\n" + GERMAN,
            ["2 bytes that are no UTF-8, read as Windows-1252"],
        ),
        (
            JAPANESE.encode() * 3 + "日本".encode()[:-1],
            JAPANESE * 3 + "日",
            ["2 bytes left out, which are text in no encoding"],
        ),
        (
            ("naïve\n" * 30).encode() + (RUSSIAN * 3).encode("cp1251"),
            "naïve\n" * 30 + RUSSIAN * 3,
            ["123 bytes that are no UTF-8, read as Windows-1251"],
        ),
        (
            JAPANESE.encode("shift_jis") * 20 + b"\x81\n" + JAPANESE.encode("shift_jis"),
            JAPANESE * 20 + "\n" + JAPANESE,
            ["no UTF-8: read as Shift_JIS", "1 bytes left out, which are text in no encoding"],
        ),
        (
            "日本語".encode() * 20 + b" caf\xe9 " + "日本語".encode() * 20,
            "日本語" * 20 + " café " + "日本語" * 20,
            ["1 bytes that are no UTF-8, read as Windows-1252"],
        ),
    ],
)
def test_a_few_broken_bytes_do_not_spoil_the_rest(content: bytes, text: str, words: list[str]) -> None:
    found = decoded(content)

    assert found.text == text
    assert [loss.words for loss in found.losses] == words


@pytest.mark.parametrize(
    "content",
    [
        b"text with \0 nul inside and more text",
        b"PK\3\4\0\0",
        bytes(range(1, 256)) * 4,
        b"a\0b",
        b"\x00\x01\x02\x03" * 9,
    ],
)
def test_what_is_no_text_is_binary(content: bytes) -> None:
    with pytest.raises(UnreadableError, match="binary"):
        decoded(content)


@pytest.mark.parametrize(
    ("said", "encoding", "text"),
    [
        ("Shift_JIS", "cp932", "①道"),
        ("iso-8859-1", "cp1252", "“10 €”"),
        ("us-ascii", "utf-8", "café"),
        ("iso-8859-1", "utf-8", "café"),
        ("utf-8", "latin-1", SPANISH),
        ("gb2312", "utf-8", CHINESE),
        ("gb2312", "gb18030", "镕㐀"),
        ("utf-16", "ascii", "plain"),
        ("no such", "utf-8", "café"),
        ("unknown-8bit", "koi8-r", RUSSIAN),
        ("utf-8;", "utf-8", "café"),
        ("136", "big5", TAIWAN),
        ("x-mac-roman", "mac-roman", "déjà"),
        ("unicode-1-1-utf-7", "utf-7", "café"),
        ("ks_c_5601-1987", "cp949", KOREAN),
        ("windows-31j", "cp932", "①"),
        ("cp-850", "cp850", "déjà"),
        ('"ISO-8859-15"', "iso8859-15", "10 €"),
    ],
)
def test_what_is_said_of_the_encoding_counts_unless_it_is_wrong(said: str, encoding: str, text: str) -> None:
    assert decoded(text.encode(encoding), said).text == text


def test_a_name_stands_for_an_encoding_that_documents_are_written_in() -> None:
    for name in ("punycode", "idna", "unicode_escape", "zlib", "rot13", "no such", "a\0b", "", "x-user-defined"):
        assert codec_of(name) is None
    assert codec_of("CP936") == "gb18030"
    assert codec_of("windows-1251") == codec_of("x-cp1251") == codec_of("204") == "cp1251"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("iso8859-2", "Příliš žluťoučký kůň úpěl ďábelské ódy.\n" * 3),
        ("cp1250", "Příliš žluťoučký kůň úpěl ďábelské ódy. Zażółć gęślą jaźń.\n" * 3),
        ("cp1252", "# -*- coding: latin-1 -*-\nx = 'Größe'\n"),
        ("cp1252", "# données à vérifier\n" * 6),
    ],
)
def test_letters_of_two_scripts_are_in_no_word(encoding: str, text: str) -> None:
    assert decoded(text.encode(encoding)).text == text
