from __future__ import annotations

import base64
import random
import textwrap

import pytest

from ingest.sources.encoded import places_without, without_encoded


def letters(size: int = 3000, seed: int = 1) -> str:
    return base64.b64encode(random.Random(seed).randbytes(size)).decode()


LETTERS = letters()
ZEROS = base64.b64encode(b"BM" + b"\0" * 3000 + bytes(range(256)) * 8).decode()
HELLO = base64.b64encode("Señor, el café está listo. ".encode() * 60).decode()


_WRAPPED = {width: textwrap.wrap(LETTERS, width) for width in (64, 76)}
_KEY = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----"
_PNG = f"data:image/png;base64,{LETTERS}"
_SVG = "data:image/svg+xml;charset=utf8,%3Csvg%20" + "%20d%3D" * 20
_FOR_THE_WEB = base64.urlsafe_b64encode(random.Random(3).randbytes(3000)).decode()
_TWO = f"![a]({_PNG}) and ![b](data:image/png;base64,{letters(seed=2)})"


@pytest.mark.parametrize(
    ("name", "text", "left"),
    [
        ("a picture", f"Before.\n\n![a chart]({_PNG})\n\nAfter.", "Before.\n\na chart\n\nAfter."),
        ("without words", f"A ![]({_PNG}) B", "A  B"),
        ("with a title", f'A ![x](<{_PNG}> "of it") B', "A x B"),
        ("a name for it", f"A ![][p]\n\n[p]: <{_PNG}>\nB", "A ![][p]\n\nB"),
        ("HTML", f'A <img alt="x" src="{_PNG}"> B', 'A <img alt="x" src="data:image/png"> B'),
        ("style sheets", f"a {{src: url({_PNG}) format('x')}}", "a {src: url(data:image/png) format('x')}"),
        ("percents", f"url({_SVG})", "url(data:image/svg+xml)"),
        ("JSON", f'{{"a": "{LETTERS}", "b": 1}}', '{"a": "…", "b": 1}'),
        ("lines in JSON", '{"a": "' + "\\n".join(_WRAPPED[76]) + '\\n"}', '{"a": "…\\n"}'),
        ("a key", _KEY.format("\n".join(_WRAPPED[64])), _KEY.format("…")),
        ("YAML", "a: |\n  " + "\n  ".join(_WRAPPED[76]) + "\nb: 1\n", "a: |\n  …\nb: 1\n"),
        ("code", 'X = (\n    "' + '"\n    "'.join(_WRAPPED[76]) + '"\n)\n', 'X = (\n    "…"\n)\n'),
        ("words after it", "\n".join(_WRAPPED[76]) + "\n\nBest regards", "…\n\nBest regards"),
        ("a file of zeros", f"A {ZEROS} B", "A … B"),
        ("a text", f"A {HELLO} B", "A … B"),
        ("for the web", f"A {_FOR_THE_WEB} B", "A … B"),
        ("Japanese around it", f"前の文。{LETTERS}後の文。", "前の文。…後の文。"),
        ("two", _TWO, "a and b"),
    ],
)
def test_what_nobody_reads_is_taken_out(name: str, text: str, left: str) -> None:
    found, losses = without_encoded(text)

    assert found == left, name
    assert [loss.kind for loss in losses] == ["parts_left_out"]
    assert losses[0].amount == (2 if name == "two" else 1)
    assert without_encoded(found) == (found, [])


@pytest.mark.parametrize(
    "text",
    [
        "sha512: " + "0123456789abcdef" * 8,
        "integrity: sha512-" + letters(64),
        "https://example.com/" + "/".join(f"Part{n}AndMore" for n in range(60)),
        "https://example.com/x?signature=" + letters(400).replace("/", "_").replace("+", "-") + "&y=1",
        "aNameOfManyWords" * 40,
        "/usr/share/Some1/Path2/With3/Names4" * 20,
        "ACGTTGCA" * 200,
        "MVLSPADKTNVKAAWGKVGAHAGEYGAEALERMFLSFPTTKTYFPHFDLSH" * 20,
        "deadbeef0123" * 100,
        "x" * 5000,
        "A" * 5000,
        "12345 67890 " * 500,
        "1234567890" * 500,
        "日本語の文章です。" * 200,
        "Donaudampfschifffahrtsgesellschaftskapitän" * 20,
        "=" * 400 + "\n" + "-" * 400 + "\n" + "/" * 400 + "\n" + "+" * 400,
        "data:text/plain,hello and data:text/plain;base64,SGVsbG8=",
        "The data: it is, as they say, in the table.",
        "a,b,c\n" + "".join(f"{n},word{n},Some words of a row\n" for n in range(500)),
        "var a=function(b){return b.c},d=e;" * 100,
    ],
)
def test_what_is_long_and_read_stays(text: str) -> None:
    assert without_encoded(text) == (text, [])


@pytest.mark.parametrize(
    "unit", ["data:", "data:a/b;", "![", "![a](", "aB1", "aB1\n", LETTERS[:60] + "\n", "data:a/b,", "[a]: ", '"\\n']
)
@pytest.mark.timeout(60)
def test_much_of_what_may_be_encoded_is_read_in_linear_time(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))

    assert len(without_encoded(text)[0]) <= len(text)


@pytest.mark.parametrize("between", [LETTERS, "x", f"{LETTERS} and {_PNG}"])
def test_a_place_behind_what_is_taken_out_is_where_its_text_is(between: str) -> None:
    text = f"One. {between} more. Two."
    places = [0, text.index(" more"), text.index("Two")]

    left, _ = without_encoded(text)

    assert [left[place : place + 3] for place in places_without(text, places)] == ["One", " mo", "Two"]
