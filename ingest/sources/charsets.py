"""The names of encodings: those that mail, pages and people give them, and Python's. Pure."""

from __future__ import annotations

import codecs
import re

# Python's own, which no document is written in; punycode takes quadratic time.
_NO_ENCODINGS = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "mbcs", "oem"}
# What is written in more letters than its name says, as browsers read it (https://encoding.spec.whatwg.org/#names-and-labels).
_WIDER = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "iso2022_jp": "iso2022_jp_2",
}
_OTHER_NAMES = {
    **dict.fromkeys(("unicode-1-1-utf-7", "utf7", "x-unicode-2-0-utf-7", "csunicode11utf7"), "utf-7"),
    **dict.fromkeys(("unicode-1-1-utf-8", "utf8mb4", "utf8mb3", "x-utf-8", "unicode20utf8", "cp65001"), "utf-8"),
    **dict.fromkeys(("unicode", "ucs-2", "iso-10646-ucs-2", "csunicode", "unicodefeff"), "utf-16"),
    **dict.fromkeys(("x-sjis", "windows-31j", "ms-kanji", "cp943", "cp943c", "x-ms-cp932", "shift-jis-2004"), "cp932"),
    **dict.fromkeys(("x-euc-jp", "x-euc", "eucjp-ms", "cp51932", "ujis"), "euc_jp"),
    **dict.fromkeys(
        ("cp50220", "cp50221", "cp50222", "iso-2022-jp-ms", "_iso-2022-jp$esc", "csiso2022jp"), "iso2022_jp_2"
    ),
    **dict.fromkeys(("x-gbk", "gb-2312-80", "x-euc-cn", "cn-gb", "cp936", "cp54936", "gb2312-1980"), "gb18030"),
    **dict.fromkeys(("x-x-big5", "cn-big5", "x-big5", "big5-eten", "cp950"), "big5hkscs"),
    **dict.fromkeys(("ks-c-5601-1987", "ks-c-5601", "ksc5601", "x-windows-949", "korean", "euckr"), "cp949"),
    **dict.fromkeys(("x-mac-roman", "macintosh", "x-macroman", "mac"), "mac-roman"),
    **dict.fromkeys(("x-mac-cyrillic", "x-mac-ukrainian"), "mac-cyrillic"),
    **dict.fromkeys(("x-mac-ce", "x-mac-centraleurroman", "x-mac-croatian"), "mac-latin2"),
    "x-mac-greek": "mac-greek",
    "x-mac-turkish": "mac-turkish",
    "x-mac-icelandic": "mac-iceland",
    **dict.fromkeys(("x-cp1250", "cp5346"), "cp1250"),
    **dict.fromkeys(("x-cp1251", "cp5347", "win-1251", "win"), "cp1251"),
    **dict.fromkeys(("x-cp1252", "ansi", "x-ansi", "cp5348", "latin-1", "iso-latin-1", "west"), "cp1252"),
    **dict.fromkeys(("koi8", "koi", "cskoi8r"), "koi8-r"),
    "koi8-ru": "koi8-u",
    **dict.fromkeys(("iso-8859-8-i", "iso-8859-8-e", "logical", "visual"), "iso8859-8"),
    "dos": "cp850",
}
# What some mailers of Windows send: the number of a character set, or of a code page.
_NUMBERS = {
    "0": "cp1252",
    "77": "mac-roman",
    "128": "cp932",
    "129": "cp949",
    "130": "johab",
    "134": "gb18030",
    "136": "big5hkscs",
    "161": "cp1253",
    "162": "cp1254",
    "163": "cp1258",
    "177": "cp1255",
    "178": "cp1256",
    "186": "cp1257",
    "204": "cp1251",
    "222": "cp874",
    "238": "cp1250",
    "936": "gb18030",
    "950": "big5hkscs",
    "10000": "mac-roman",
    "20127": "cp1252",
    "20866": "koi8-r",
    "21866": "koi8-u",
    "28591": "cp1252",
    "28592": "iso8859-2",
    "28595": "iso8859-5",
    "28605": "iso8859-15",
    "50220": "iso2022_jp_2",
    "51932": "euc_jp",
    "54936": "gb18030",
    "65000": "utf-7",
    "65001": "utf-8",
}
_JUNK = re.compile(r"^[\s\"'=*]+|[\s\"',;:*].*$", re.DOTALL)
_NUMBER = re.compile(r"(?:cp|ibm|windows|win|codepage|ms|x-cp|x-windows)?[-_ ]?(\d{1,5})")

LABELS = {
    **{f"cp125{number}": f"Windows-125{number}" for number in range(9)},
    "cp932": "Shift_JIS",
    "euc_jis_2004": "EUC-JP",
    "euc_jp": "EUC-JP",
    "gb18030": "GB18030",
    "big5hkscs": "Big5",
    "cp949": "EUC-KR",
    "cp874": "TIS-620",
    "mac-roman": "Mac Roman",
    "mac-cyrillic": "Mac Cyrillic",
    "utf-16-le": "UTF-16LE",
    "utf-16-be": "UTF-16BE",
    "utf-32-le": "UTF-32LE",
    "utf-32-be": "UTF-32BE",
    "iso2022_jp_2": "ISO-2022-JP",
    "iso2022_jp_3": "ISO-2022-JP",
    "iso2022_jp_ext": "ISO-2022-JP",
    "iso2022_kr": "ISO-2022-KR",
    **{f"iso8859-{number}": f"ISO-8859-{number}" for number in range(1, 17)},
}


def codec_of(said: str) -> str | None:
    """What Python calls the encoding of a name, however it is written; None where there is none by it."""
    name = _JUNK.sub("", said.strip().lower())
    if "\0" in name or not name:
        return None
    joined = name.replace("_", "-")
    if name in _OTHER_NAMES or joined in _OTHER_NAMES:
        return _OTHER_NAMES.get(name) or _OTHER_NAMES[joined]
    number = _NUMBER.fullmatch(name)
    if number and number[1] in _NUMBERS:
        return _NUMBERS[number[1]]
    for candidate in (name, f"cp{number[1]}" if number else name, name.removeprefix("x-"), name.replace(" ", "")):
        try:
            found = codecs.lookup(candidate)
        except (LookupError, ValueError):
            continue
        if found.name in _NO_ENCODINGS or not getattr(found, "_is_text_encoding", True):
            return None
        return _WIDER.get(found.name, found.name)
    return None
