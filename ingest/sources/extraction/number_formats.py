"""Numbers as a spreadsheet shows them, by its format codes: dates, percent, currency, decimals. Pure.

The codes are those of ECMA-376, part 1, 18.8.30 and 18.8.31.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

BUILT_IN = {
    0: "General", 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 5: "$#,##0;-$#,##0", 6: "$#,##0;-$#,##0",
    7: "$#,##0.00;-$#,##0.00", 8: "$#,##0.00;-$#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?",
    13: "# ??/??", 14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 37: "#,##0;(#,##0)",
    38: "#,##0;(#,##0)", 39: "#,##0.00;(#,##0.00)", 40: "#,##0.00;(#,##0.00)", 41: "#,##0", 42: "$#,##0",
    43: "#,##0.00", 44: "$#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0", 49: "@",
}  # fmt: skip
_LONGEST = 300
_PIECE = re.compile(
    r'"[^"]*"?|\\.|_.|\*.|\[[^\]]*\]?|AM/PM|A/P|[yY]+|[mM]+|[dD]+|[hH]+|[sS]+(?:\.0+)?|General|[\s\S]', re.IGNORECASE
)
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet's dates are of no zone
_EPOCH_1904 = datetime(1904, 1, 1)  # noqa: DTZ001
_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


class _Format(NamedTuple):
    """A section of a code, in its pieces; what kind of a number it shows."""

    pieces: tuple[str, ...]
    is_date: bool


def shown(text: str, code: str, *, is_1904: bool = False) -> str:
    """A number, in the text of a file, as the format code has it shown; what is no number as it is."""
    try:
        number = float(text)
    except ValueError:
        return text
    if number != number or number in (float("inf"), float("-inf")) or len(code) > _LONGEST:  # noqa: PLR0124
        return text
    sections = _sections(code)
    if number < 0 and len(sections) > 1:
        return _in_format(-number, text, sections[1], is_1904=is_1904)
    if number == 0 and len(sections) > 2:
        return _in_format(number, text, sections[2], is_1904=is_1904)
    if number < 0 and not sections[0].is_date:
        written = _in_format(-number, text.lstrip("-"), sections[0], is_1904=is_1904)
        return written if not any(sign in "123456789" for sign in written) else f"-{written}"
    return _in_format(number, text, sections[0], is_1904=is_1904)


@lru_cache(maxsize=1024)
def _sections(code: str) -> list[_Format]:
    sections: list[list[str]] = [[]]
    for piece in _PIECE.findall(code):
        if piece == ";":
            sections.append([])
        else:
            sections[-1].append(piece)
    formats = []
    for pieces in sections:
        kinds = {piece[0].lower() for piece in pieces if piece[0].lower() in "ymdhs" and piece.lower() != "general"}
        elapsed = any(re.fullmatch(r"\[[hms]+\]", piece, re.IGNORECASE) for piece in pieces)
        formats.append(_Format(tuple(pieces), bool(kinds) or elapsed))
    return formats


def _in_format(number: float, text: str, form: _Format, *, is_1904: bool) -> str:
    if form.is_date:
        return _date(number, form.pieces, is_1904=is_1904) or text
    return _number(number, text, form.pieces)


def _number(number: float, text: str, pieces: tuple[str, ...]) -> str:
    signs = "".join(piece for piece in pieces if piece in {"0", "#", "?", ".", ",", "%", "E", "e", "/", "@"})
    if not re.search(r"[0#?@]", signs) and not any(piece.lower() == "general" for piece in pieces):
        return "".join(map(_literal, pieces)).strip()
    if "@" in signs or "/" in signs or any(piece.lower() == "general" for piece in pieces):
        body = _general(number, text)
    else:
        scaled = number * 100 ** signs.count("%")
        digits = signs.replace("%", "")
        scaled /= 1000 ** (len(digits) - len(digits.rstrip(",")))
        whole, _, fraction = digits.rstrip(",").partition(".")
        if "E" in digits.upper():
            places = len(re.match(r"[0#?]*", fraction)[0]) if fraction else 0  # type: ignore[index]
            body = f"{scaled:.{places}E}"
        else:
            places = min(len(re.findall("[0#?]", fraction)), 15)
            needed = len(re.findall("0", fraction))
            body = f"{scaled:,.{places}f}" if "," in whole else f"{scaled:.{places}f}"
            while places > needed and body.endswith("0"):
                body, places = body[:-1], places - 1
            body = body.rstrip(".") if not places else body
            zeros = whole.count("0")
            if zeros > 1 and "," not in whole:
                head, dot, tail = body.partition(".")
                body = head.zfill(min(zeros, 20)) + dot + tail
    written: list[str] = []
    is_put = False
    for piece in pieces:
        if piece in {"0", "#", "?", ".", ",", "E", "e", "/", "@", "+"} or piece.lower() == "general":
            if not is_put and piece != "+":
                written.append(body)
                is_put = True
        else:
            written.append(piece if piece == "%" else _literal(piece))
    return "".join(written).strip()


def _general(number: float, text: str) -> str:
    if number == int(number) and abs(number) < 1e15:
        return str(int(number))
    short = f"{number:.10g}"
    return short if len(text) > 12 else text


def _literal(piece: str) -> str:
    """What a piece of a code that is no digit puts beside the number."""
    if piece.startswith('"'):
        return piece.strip('"')
    if piece.startswith("\\"):
        return piece[1:]
    if piece.startswith("_"):
        return " "
    if piece.startswith("*"):
        return ""
    if piece.startswith("["):  # [$€-407] is a currency; [Red] and [>100] are not shown
        return piece[2:].rstrip("]").partition("-")[0] if piece.startswith("[$") else ""
    return piece


def _date(number: float, pieces: tuple[str, ...], *, is_1904: bool) -> str | None:
    if not 0 <= number < 2_958_466:  # the year 9999
        return None
    missing = not is_1904 and 1 <= number < 60  # 1900 had no 29 February, but Excel's has
    try:
        moment = (_EPOCH_1904 if is_1904 else _EPOCH) + timedelta(days=int(number) + missing)
    except OverflowError:
        return None
    has_fraction = any(piece.lower().startswith("s") and "." in piece for piece in pieces)
    seconds = (number - int(number)) * 86_400
    seconds = round(seconds, 3) if has_fraction else round(seconds)
    moment += timedelta(seconds=seconds)
    is_half = any(piece.upper() in {"AM/PM", "A/P"} for piece in pieces)
    written = []
    last = ""
    for place, piece in enumerate(pieces):
        low = piece.lower()
        after = next((other.lower() for other in pieces[place + 1 :] if other[0].lower() in "ymdhs"), "")
        if low[0] == "m" and set(low) == {"m"} and (last in {"h", "[h"} or after.startswith("s")):
            written.append(f"{moment.minute:0{min(len(low), 2)}}")
        elif re.fullmatch(r"\[[hms]+\]", low):
            total = int(number * 86_400 + 0.5)
            written.append(str(total // {"h": 3600, "m": 60, "s": 1}[low[1]]))
            last = low[:2]
            continue
        elif set(low) <= set("ymdhs.0") and low[0] in "ymdhs":
            written.append(_moment(moment, low, is_half=is_half))
        elif piece.upper() in {"AM/PM", "A/P"}:
            written.append("AM" if moment.hour < 12 else "PM")
        else:
            written.append(_literal(piece))
        if low[0] in "ymdhs":
            last = low[0]
    return "".join(written).strip()


def _moment(moment: datetime, piece: str, *, is_half: bool) -> str:
    match piece[0], len(piece):
        case "y", length:
            return f"{moment.year:04}" if length > 2 else f"{moment.year % 100:02}"
        case "m", length:
            name = _MONTHS[moment.month - 1]
            return [str(moment.month), f"{moment.month:02}", name[:3], name, name[0]][min(length, 5) - 1]
        case "d", length:
            name = _DAYS[moment.weekday()]
            return [str(moment.day), f"{moment.day:02}", name[:3], name][min(length, 4) - 1]
        case "h", length:
            hour = (moment.hour - 1) % 12 + 1 if is_half else moment.hour
            return f"{hour:0{min(length, 2)}}"
    seconds, _, fraction = piece.partition(".")
    after = f".{moment.microsecond:06}"[: 1 + len(fraction)] if fraction else ""
    return f"{moment.second:0{min(len(seconds), 2)}}{after}"
