"""Bytes to text: in which encoding they are, where nothing says so or what does is wrong. Pure.

In this order: a mark at the beginning; escapes of ISO 2022; UTF-8; UTF-16 and UTF-32 by rule; then a detector. A few
broken bytes do not make UTF-8 another encoding: lines that are no UTF-8, among lines that are, are detected alone.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import NamedTuple

from ingest.model import Loss, LossKind
from ingest.sources.charsets import LABELS, codec_of
from ingest.sources.text import BINARY, UnreadableError

_SNIFFED_BYTES = 8192  # git looks at as many for a NUL
_SAMPLE_BYTES = 65_536  # that the detector looks at: 10 ms
_SHORT_BYTES = 100  # below it the detector is wrong more often than Windows-1252 is, for Latin letters
_FEW_HIGH_BYTES = 6
# The longer ones first: that of UTF-16 begins that of UTF-32.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
_ISO_2022 = re.compile(rb"\x1b\$(?:\)C|[@B]|\([DOPQ])")
_SEQUENCE = (
    rb"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
_UTF8 = re.compile(_SEQUENCE)
_STRAY = re.compile(rb"(" + _SEQUENCE + rb")|([\xc2-\xf4][\x80-\xbf]+|[\xe0-\xf4]\Z)|([\x80-\xff])")
_HIGH = re.compile(rb"[\x80-\xff]+")
_LINE = re.compile(rb"[^\n]*+\n|[^\n]++\Z")
_SYMBOL_IN_WORD = re.compile(r"(?<=[^\W\d_])[^\w\s!-~\u2010-\u2019\u00b7\u00ad](?=[^\W\d_])|[^\W\d_]{2}[\u0080-\u009f]")
_CONTROLS = re.compile(rb"[\x00-\x06\x0e-\x19\x1c-\x1f\x7f]")
_MOST_CONTROLS = 0.02  # of all bytes: more are in no text
# Those that documents are written in; among all that there are the detector takes short texts for the rarest.
_DETECTED = (
    "cp932 euc_jis_2004 gb18030 big5hkscs cp949 koi8-r koi8-u cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 "
    "cp1258 iso8859-2 iso8859-5 iso8859-7 iso8859-8 iso8859-15 iso8859-16 cp437 cp850 cp852 cp866 cp874 mac-roman "
    "mac-cyrillic"
).split()
_OF_LATIN = [
    name for name in _DETECTED if re.fullmatch("cp125[02478]|iso8859-(?:2|15|16)|cp(?:437|85[02])|mac-roman", name)
]
# A letter or two of another script in a word of Latin letters; of the alphabets also at its beginning and end.
_OTHER_SCRIPT = re.compile(r"[\u0370-\u1dff\u2e80-\ud7a3]++")
_IN_LATIN = re.compile(
    r"(?<=[a-z])[\u0370-\u1dff\u2e80-\ud7a3]{1,2}(?=[a-z])|(?<=[a-z])[\u0370-\u06ff]{1,2}(?![\u0370-\u06ff])|"
    r"(?<![\u0370-\u06ff])[\u0370-\u06ff]{1,2}(?=[a-z])"
)
_OF_TWO_BYTES = {"cp932", "euc_jis_2004", "euc_jp", "gb18030", "big5hkscs", "cp949"}
_SIBLINGS = {"cp1250": "iso8859-2", "iso8859-2": "cp1250", "iso8859-16": "iso8859-2", "cp1257": "iso8859-13"}
_WESTERN = "cp1252"
# Which Turkish has not, and Icelandic has: else they differ in what ð, ý and þ are.
_NOT_TURKISH = set("áíóúæÁÍÓÚÆ")
_SEVEN_BITS = {"utf-7", "hz", "iso2022_kr"}  # besides those of Japan


class Decoded(NamedTuple):
    """A text without NUL and halves of surrogate pairs; what of it was guessed, or left out."""

    text: str
    losses: tuple[Loss, ...] = ()


def decoded(content: bytes, said: str | None = None) -> Decoded:
    """The text of a file. `said`: the encoding that it, or what brought it, says it is in, by whatever name.

    Raises:
        UnreadableError: it is binary, or text in no encoding that is known.
    """
    for mark, encoding in MARKS:
        if content.startswith(mark) and encoding != "gb18030":
            return _as(content.removeprefix(mark), encoding)
    if said and (named := codec_of(said)) and (found := _as_said(content, named, said)):
        return found
    if b"\0" in content[:_SNIFFED_BYTES]:
        wide = wide_encoding(content)
        if wide is None:
            raise UnreadableError(BINARY)
        return Decoded(_as(content, wide).text, (_guessed(wide),))
    if _ISO_2022.search(content, 0, _SAMPLE_BYTES) and (found := _as_iso_2022(content)):
        return found
    try:
        return Decoded(_storable(content.decode()))
    except UnicodeDecodeError:
        pass
    if len(_CONTROLS.findall(content[:_SNIFFED_BYTES])) > _MOST_CONTROLS * len(content[:_SNIFFED_BYTES]):
        raise UnreadableError(BINARY)
    return _mixed(content) if is_mostly_utf8(content) else _foreign(content)


def is_mostly_utf8(content: bytes) -> bool:
    """Whether of the bytes beyond ASCII those that are UTF-8 are many more than those that are not.

    In other encodings some look like it by chance, a third in that of DOS for Russian; whole lines rarely do.
    """
    whole = broken = sound = stray = 0
    for line in _LINE.findall(content):
        if not line.isascii():
            utf8, high = (len(b"".join(pattern.findall(line))) for pattern in (_UTF8, _HIGH))
            sound, stray = sound + utf8, stray + high - utf8
            whole, broken = (whole + 1, broken) if utf8 == high else (whole, broken + 1)
    return whole >= broken or sound >= 4 * stray


def wide_encoding(content: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark: by what it would mean; None where it would not be text."""
    sample = content[:_SNIFFED_BYTES]
    if sample.isascii() and sample.count(0) < len(sample) / 8:
        return None  # letters of ASCII with a NUL among them, which in pairs mean rare ideographs
    for encoding, width in (("utf-32-le", 4), ("utf-32-be", 4)):
        text = None if len(content) % width else strictly(sample[: len(sample) // width * width], encoding)
        if text and _is_plausible(text):
            return encoding
    if len(content) % 2:
        return None
    best = None
    for encoding in ("utf-16-le", "utf-16-be"):
        decoder = codecs.getincrementaldecoder(encoding)()  # a pair may be cut at the end of the sample
        try:
            text = decoder.decode(sample)
        except UnicodeDecodeError:
            continue
        common = sum(char.isascii() or "\u3000" <= char <= "\u3002" for char in text)
        if _is_plausible(text) and (best is None or common > best[0]):
            best = common, encoding
    return best[1] if best else None


def guess(sample: bytes) -> str | None:
    """The encoding of bytes that are no UTF-8, as Python calls it; None where they are text in none."""
    import chardet  # 0.3 s, and rarely needed

    sample = sample[:_SAMPLE_BYTES]

    def detected(among: list[str]) -> str | None:
        said = chardet.detect(sample, include_encodings=among, prefer_superset=False, compat_names=False)["encoding"]
        return said if said in among and strictly(sample, said, cut=True) is not None else None

    found = detected(_DETECTED)
    if found and _mixes_scripts(strictly(sample, found, cut=True) or ""):
        found = detected(_OF_LATIN)
    if found not in _OF_TWO_BYTES and _is_kana(sample):
        return "cp932"
    western = strictly(sample, _WESTERN)
    if _looks_latin(sample, found):
        is_short = len(sample) < _SHORT_BYTES or len(b"".join(_HIGH.findall(sample))) < _FEW_HIGH_BYTES
        if western is not None and (is_short or found is None) and not _SYMBOL_IN_WORD.search(western):
            return _WESTERN
        if found in _SIBLINGS:
            found = min((found, _SIBLINGS[found]), key=lambda name: _oddities(sample, name))
    if found == _WESTERN and western and not _NOT_TURKISH & set(western) and set("ýþð") & set(western):
        return "cp1254"
    return found or (_WESTERN if western is not None else None)


def foreign_encoding(content: bytes) -> str | None:
    """The encoding of bytes of which most are no UTF-8, some of them broken perhaps; None: they are text in none."""
    sample = _sampled(content)
    encoding = guess(sample)
    return encoding if encoding in _OF_TWO_BYTES else _broken_two_bytes(sample) or encoding


def _sampled(content: bytes) -> bytes:
    """What the detector looks at: all of it, or lines with bytes beyond ASCII, which alone tell anything."""
    if len(content) <= _SAMPLE_BYTES:
        return content
    lines, size, at = [], 0, 0
    while size < _SAMPLE_BYTES and (high := _HIGH.search(content, at)):
        begin = max(content.rfind(b"\n", max(high.start() - 1000, 0), high.start()) + 1, at)
        end = content.find(b"\n", high.end(), high.end() + 4000)
        at = end + 1 if end >= 0 else min(high.end() + 4000, len(content))
        lines.append(content[begin:at])
        size += at - begin
    return b"".join(lines)


def label(encoding: str) -> str:
    """An encoding as people call it."""
    return LABELS.get(encoding, encoding.upper())


def _as_said(content: bytes, named: str, said: str) -> Decoded | None:
    """The text in the encoding that is named; None where that is wrong."""
    is_wide = named.startswith(("utf-16", "utf-32", "utf_16", "utf_32"))
    if named == "utf-8" or (is_wide and b"\0" not in content[:_SNIFFED_BYTES]):
        return None  # what is looked at first in any case
    if not is_wide and named not in _SEVEN_BITS and not content.isascii() and not named.startswith("iso2022"):
        sequences = len(_UTF8.findall(content))
        if sequences >= (3 if named in _OF_TWO_BYTES else 1) and (text := strictly(content, "utf-8")) is not None:
            return Decoded(_storable(text), (_wrongly(said, "utf-8"),))
    text = strictly(content, named)
    return None if text is None else Decoded(_storable(text))


def _as_iso_2022(content: bytes) -> Decoded | None:
    if not content.isascii():
        return None
    korean, japanese = ("iso2022_kr",), ("iso2022_jp_2", "iso2022_jp_3", "iso2022_jp_ext")
    for encoding in korean if b"\x1b$)C" in content else japanese:
        if (text := strictly(content, encoding)) is not None:
            return Decoded(_storable(text), (_guessed(encoding),))
    return None


def _foreign(content: bytes) -> Decoded:
    encoding = foreign_encoding(content)
    if encoding is None:
        raise UnreadableError("its bytes are text in no encoding that is known: convert it to UTF-8")
    return _as(content, encoding, _guessed(encoding))


def _broken_two_bytes(sample: bytes) -> str | None:
    """An encoding of the East that the detector does not see in all of a text, as some byte of that is broken."""
    lines = _LINE.findall(sample)
    size = -(-len(lines) // 4)
    for begin in range(0, len(lines) if len(lines) > 1 else 0, size):
        found = guess(b"".join(lines[begin : begin + size]))
        if found in _OF_TWO_BYTES:
            broken = sum(strictly(line, found) is None for line in lines)
            if broken <= max(len(lines) // 20, 1):
                return found
    return None


def _mixed(content: bytes) -> Decoded:
    """UTF-8 with some bytes that are none: lines of another encoding, single letters of one, characters cut in two."""
    lines = _LINE.findall(content)
    foreign = b"".join(line for line in lines if is_foreign(line))
    is_told = len(b"".join(_HIGH.findall(foreign))) >= _FEW_HIGH_BYTES
    encoding = guess(foreign[:_SAMPLE_BYTES]) if is_told else None
    read = left_out = 0
    names = set()
    pieces = []
    for line in lines:
        text = strictly(line, "utf-8")
        if text is None and encoding and is_foreign(line):
            text = strictly(line, encoding)
            if text is not None:
                read += len(b"".join(_HIGH.findall(line)))
                names.add(encoding)
        if text is None:
            text, strays, cut = repaired(line)
            read, left_out = read + strays, left_out + cut
            if strays:
                names.add(_WESTERN)
        pieces.append(text)
    losses = []
    if read:
        words = f"{read:,} bytes that are no UTF-8, read as {', '.join(sorted(map(label, names)))}"
        losses.append(Loss(LossKind.BYTES_GUESSED, 1, words))
    if left_out:
        losses.append(_left_out(left_out))
    return Decoded(_storable("".join(pieces)), tuple(losses))


def is_foreign(line: bytes) -> bool:
    """Whether a line holds bytes beyond ASCII and none that are UTF-8."""
    return not line.isascii() and not _UTF8.search(line)


def repaired(line: bytes) -> tuple[str, int, int]:
    """A line of UTF-8 with other bytes in it: read as Windows-1252, but for what is left of a character that was cut.

    Returns:
        The text, how many bytes were read so, and how many were left out.
    """
    counts = [0, 0]

    def read(found: re.Match[bytes]) -> bytes:
        sound, cut, stray = found.groups()
        if sound:
            return bytes(sound)
        letter = stray and strictly(stray, _WESTERN)
        counts[0 if letter else 1] += len(cut or stray)
        return letter.encode() if letter else b""

    return _STRAY.sub(read, line).decode(), counts[0], counts[1]


def _as(content: bytes, encoding: str, *losses: Loss) -> Decoded:
    """The text in an encoding that is known; what is none in it is left out, and that is told."""
    text = strictly(content, encoding)
    if text is not None:
        return Decoded(_storable(text), losses)
    broken = 0

    def leave_out(error: UnicodeError) -> tuple[str, int]:
        nonlocal broken
        if not isinstance(error, UnicodeDecodeError):
            raise error
        broken += error.end - error.start
        return "", error.end

    codecs.register_error("ingest-leave-out", leave_out)
    text = content.decode(encoding, "ingest-leave-out")
    if broken > max(len(content) // 100, 4):
        raise UnreadableError(f"{broken:,} of its {len(content):,} bytes are no {label(encoding)}: convert it to UTF-8")
    return Decoded(_storable(text), (*losses, _left_out(broken)))


def strictly(content: bytes, encoding: str, *, cut: bool = False) -> str | None:
    """The text in an encoding; None where it is none. `cut`: its last character may be."""
    try:
        if cut:
            return codecs.getincrementaldecoder(encoding)().decode(content)
        return content.decode(encoding)
    except (UnicodeError, LookupError):
        return None


def _looks_latin(sample: bytes, found: str | None) -> bool:
    """Whether bytes beyond ASCII stand alone among letters of ASCII, as those of Latin scripts do."""
    runs = _HIGH.findall(sample)
    high = sum(map(len, runs))
    if sum(len(run) for run in runs if len(run) >= 3) > 0.3 * high:
        return False
    if found in _OF_TWO_BYTES and (text := strictly(sample, found, cut=True)):
        beyond = [char for char in text if not char.isascii()]
        return sum(map(_is_eastern, beyond)) < 0.5 * len(beyond)
    return True


def _mixes_scripts(text: str) -> bool:
    """Whether most of what is not Latin stands in words that are, as in no language."""
    return 2 * len(_IN_LATIN.findall(text)) > len(_OTHER_SCRIPT.findall(text))


def _is_eastern(char: str) -> bool:
    """Whether this is kana, Hangul, or an ideograph of those in use."""
    if "\u3000" <= char <= "\u30ff" or "\uac00" <= char <= "\ud7a3":
        return True
    try:
        return "\u4e00" <= char <= "\u9fff" and b"\xa4" <= char.encode("big5")[:1] <= b"\xc6"
    except UnicodeEncodeError:
        return b"\xb0" <= char.encode("gb2312", "replace")[:1] <= b"\xd7"


def _is_kana(sample: bytes) -> bool:
    """Whether this is Shift_JIS of which most is kana: half of each is ASCII, which misleads the detector."""
    text = strictly(sample, "cp932", cut=True) or ""
    beyond = [char for char in text if not char.isascii()]
    return len(beyond) >= 3 and sum("\u3041" <= char <= "\u30ff" for char in beyond) >= 0.5 * len(beyond)


def _oddities(sample: bytes, encoding: str) -> int:
    text = strictly(sample, encoding)
    return len(sample) if text is None else len(_SYMBOL_IN_WORD.findall(text))


def _is_plausible(text: str) -> bool:
    """Whether this may be a text at all: nothing in it that is in none, and ordinary characters among them."""
    if not text or any(unicodedata.category(char) in {"Cn", "Co", "Cs"} for char in set(text)):
        return False
    if any(ord(char) < 32 and char not in "\t\n\v\f\r\x1b\x1a" for char in text):
        return False
    ascii_ = sum(char.isascii() for char in text)
    return ascii_ >= (1 if len(text) >= 16 else len(text) / 2)


def _storable(text: str) -> str:
    """PostgreSQL's text holds no NUL and no half of a surrogate pair, as UTF-7 may make one."""
    text = text.replace("\0", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _guessed(encoding: str) -> Loss:
    return Loss(LossKind.BYTES_GUESSED, 1, f"no UTF-8: read as {label(encoding)}")


def _wrongly(said: str, encoding: str) -> Loss:
    return Loss(LossKind.BYTES_GUESSED, 1, f"said to be {said[:40]}, read as {label(encoding)}")


def _left_out(count: int) -> Loss:
    return Loss(LossKind.PARTS_LEFT_OUT, 1, f"{count:,} bytes left out, which are text in no encoding")
