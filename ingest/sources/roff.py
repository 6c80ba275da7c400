"""Pages of the manual, in the macros man and mdoc, as Markdown: headings, paragraphs, options, examples."""

from __future__ import annotations

import re
from typing import NamedTuple

_PREAMBLE = 50_000  # characters: programs that write pages define macros of their own above them
_IS_PAGE = re.compile(r"\n\.(?:TH|Dd)[ \t][^\n]*+\n(?:(?!\.S[Hh]\b)[^\n]*+\n){0,200}+\.S[Hh]\b")
_ARGUMENT = re.compile(r"\"((?:[^\"]|\"\")*+)\"?+|(\S++)")
_FONT = re.compile(
    r"\\f(?:\[[^\]\n]{0,40}+\]|\(..|.)|\\s[-+]?\d{1,2}|\\[mM]\[[^\]\n]{0,40}+\]|\\[&|^/,:%c)!]"
    r"|\\[hv]'[^'\n]{0,40}+'"
)
_NAMED = re.compile(r"\\(?:\[(\w{2,12}+)\]|\((\S\S)|\*\(?(\w\w?)|(.))")
_COMMENT = re.compile(r"\\[\"#].*+")
_CHARACTERS = {
    "aq": "'",
    "dq": '"',
    "lq": "“",
    "rq": "”",
    "oq": "‘",
    "cq": "’",
    "em": "—",
    "en": "–",
    "hy": "-",
    "bu": "•",
    "co": "©",
    "rs": "\\",
    "ha": "^",
    "ti": "~",
    "ga": "`",
    "ba": "|",
    "lB": "[",
    "rB": "]",
    "lC": "{",
    "rC": "}",
    "at": "@",
    "sh": "#",
    "Do": "$",
    "eq": "=",
    "pl": "+",
    "mi": "−",
    "mu": "×",
    "->": "→",
    "<-": "←",
    "<=": "≤",
    ">=": "≥",
    "de": "°",
    "+-": "±",
    "R": "®",
    "Tm": "™",
    "e": "\\",
    "-": "-",
    " ": " ",
    "~": " ",
    "0": " ",
    "'": "'",
    "`": "`",
    "t": "\t",
    ".": ".",
}
_FONTS = {"B", "I", "R", "BR", "RB", "IR", "RI", "BI", "IB", "SM", "SB"}
_TO_CODE, _TO_TEXT = {"nf", "EX", "Bd"}, {"fi", "EE", "Ed"}
_GAPS = {"PP", "P", "LP", "Pp", "sp", "HP", "RE", "RS", "El", "Bl", "br"}
_NOTHING = {
    "TH",
    "Dd",
    "Dt",
    "Os",
    "ad",
    "na",
    "hy",
    "nh",
    "ne",
    "in",
    "ta",
    "ti",
    "ds",
    "nr",
    "so",
    "ft",
    "ll",
    "pl",
    "PD",
    "UE",
    "IX",
    "ME",
    "TE",
    "TS",
}
_FLAG = {
    "Fl": "-",
    "Cm": "",
    "Ar": "",
    "Nm": "",
    "Xr": "",
    "Pa": "",
    "Ev": "",
    "Sy": "",
    "Em": "",
    "Li": "",
    "Va": "",
    "Fn": "",
    "Ic": "",
    "Dv": "",
}
_AROUND = {
    "Op": "[{}]",
    "Dq": "“{}”",
    "Sq": "‘{}’",
    "Pq": "({})",
    "Bq": "[{}]",
    "Aq": "<{}>",
    "Ql": "‘{}’",
    "Brq": "{{{}}}",
}
_IGNORED = {"ig", "de"}


class Page(NamedTuple):
    """A page of the manual as Markdown, and its title, as `ls(1)`."""

    text: str
    title: str


def is_page(text: str) -> bool:
    """Whether a text is a page of the manual."""
    return text.lstrip().startswith((".", "'")) and _IS_PAGE.search("\n" + text[:_PREAMBLE]) is not None


def page_of(source: str) -> Page:
    """The page of the manual as Markdown."""
    lines: list[str] = []
    title = name = ""
    is_code = is_term = False
    until = ""
    for line in source.splitlines():
        if until:
            until = "" if line.rstrip() == until else until
            continue
        if not line.startswith((".", "'")):
            words = line.rstrip() if is_code else line.strip()
            lines.append(f"**{_plain(words)}**\n" if is_term and words else _plain(words))
            is_term = is_term and not words
            continue
        macro, _, rest = line[1:].strip().partition(" ")
        if '\\"' in macro or not macro or macro.startswith("\\"):
            continue
        arguments = [(quoted or bare).replace('""', '"') for quoted, bare in _ARGUMENT.findall(_COMMENT.sub("", rest))]
        words = _plain(" ".join(arguments))
        if macro in {"TH", "Dt"} and len(arguments) >= 2:
            title = f"{_plain(arguments[0])}({_plain(arguments[1])})"
            title = title.lower() if arguments[0].isupper() else title
        elif macro in _IGNORED:
            until = ".."
        elif macro in {"SH", "Sh", "SS", "Ss"}:
            if is_code:
                lines.append("```")
            is_code = False
            lines.append(f"\n{'##' if macro in {'SH', 'Sh'} else '###'} {words}\n")
        elif macro in _TO_CODE and not is_code:
            is_code = True
            lines.append("\n```")
        elif macro in _TO_TEXT and is_code:
            is_code = False
            lines.append("```\n")
        elif macro in _GAPS:
            lines.append("")
        elif macro in {"TP", "TQ"}:
            lines.append("")
            is_term = True
        elif macro in {"IP", "It"}:
            term = _mdoc(arguments, name) if macro == "It" else _plain(arguments[0]) if arguments else ""
            lines.append(f"\n**{term}**\n" if any(map(str.isalnum, term)) else "\n- " if term else "")
        elif macro in _FONTS:
            joined = _plain((" " if len(macro) == 1 or macro in {"SM", "SB"} else "").join(arguments))
            lines.append(f"**{joined}**\n" if is_term and joined else joined)
            is_term = is_term and not joined
        elif macro in {"UR", "MT"}:
            lines.append(words)
        elif macro not in _NOTHING and (macro in _FLAG or macro in _AROUND or (len(macro) == 2 and macro[0].isupper())):
            name = arguments[0] if macro == "Nm" and arguments and not name else name
            lines.append(("— " if macro == "Nd" else "") + _mdoc([macro, *arguments], name))
    if is_code:
        lines.append("```")
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    return Page(f"# {title}\n\n{text}\n" if title else f"{text}\n", title)


def _mdoc(arguments: list[str], name: str) -> str:
    """A line of mdoc, whose macros may stand in it."""
    words: list[str] = []
    flag = ""
    for place, argument in enumerate(arguments):
        if argument in _AROUND:
            words.append(_AROUND[argument].format(_mdoc(arguments[place + 1 :], name)))
            break
        if argument in _FLAG:
            flag = _FLAG[argument]
            if argument == "Nm" and not arguments[place + 1 :]:
                words.append(name)
            continue
        if argument in {"Ns", "No", "Nd"}:
            continue
        if re.fullmatch(r"[.,:;)\]?!]", argument) and words:
            words[-1] += argument
            continue
        words.append(flag + _plain(argument))
        flag = "" if flag else flag
    return " ".join(words)


def _plain(words: str) -> str:
    """Words without fonts, and the characters that have names as themselves."""

    def named(match: re.Match[str]) -> str:
        name = match[1] or match[2] or match[3] or match[4]
        if match[1] and re.fullmatch(r"u[0-9A-F]{4,6}", name):
            code = int(name[1:], 16)
            return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 and code else ""
        return _CHARACTERS.get(name, "")

    return _NAMED.sub(named, _FONT.sub("", _COMMENT.sub("", words)))
