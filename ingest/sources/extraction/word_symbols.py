"""Places in a font of symbols, such as Symbol and Wingdings, as the characters that Unicode has for them. Pure."""

from __future__ import annotations

from itertools import chain

_FIRST, _LAST = 0xF000, 0xF0FF  # where Word puts the places of such a font, as text


def _from(first: int, characters: str) -> dict[int, str]:
    return dict(enumerate(characters, first))


# Adobe's symbol encoding; what is missing there is as in ASCII.
_SYMBOL = dict(
    chain(
        _from(0x20, " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅").items(),
        _from(0x41, "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_").items(),
        _from(0x61, "αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼").items(),
        _from(0xA1, "ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…│─↵").items(),
        _from(0xC0, "ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑").items(),
        _from(0xF1, "〉∫").items(),
    )
)
_WINGDINGS = {
    **_from(0x4A, "☺☻☹"),
    **_from(0xDF, "←→↑↓"),
    **_from(0xEF, "⇦⇨⇧⇩⬄"),
    **_from(0xFB, "✗✓☒☑"),
    0x20: " ",
    0x28: "☎",
    0x2A: "✉",
    0x46: "☞",
    0x6C: "●",
    0x6E: "■",
    0x6F: "☐",
    0x71: "☐",
    0x72: "☐",
    0x76: "❖",
    0x9F: "•",
    0xA7: "▪",
    0xA8: "☐",
    0xAB: "★",
    0xB7: "•",
    0xD8: "➢",
    0xE8: "➔",
}
_WINGDINGS_2 = {**_from(0x4F, "✗✓☒☑"), 0x20: " ", 0x97: "●", 0xA2: "■", 0xA3: "☐"}
_FONTS = {"symbol": _SYMBOL, "wingdings": _WINGDINGS, "wingdings 2": _WINGDINGS_2}


def symbol(number: int, font: str | None) -> str | None:
    """The character that stands at a place of a font; None where only the font knows what it looks like."""
    of_font = _FONTS.get((font or "wingdings").lower())
    if of_font is not None and (number <= 0xFF or _FIRST <= number <= _LAST):
        return of_font.get(number & 0xFF)
    return chr(number) if number < 0xD800 else None


def with_symbols(text: str, font: str | None) -> tuple[str, int]:
    """A text in which places of a font of symbols are characters; and how many are not known, which are left out."""
    if font is None or font.lower() not in _FONTS:
        return text, 0
    found = [symbol(ord(sign), font) if _FIRST <= ord(sign) <= _LAST else sign for sign in text]
    return "".join(sign or "" for sign in found), found.count(None)
