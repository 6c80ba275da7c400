"""What of a file of LaTeX is read: its title, and what stands between the beginning and the end of its document."""

from __future__ import annotations

import re

_BEGIN = re.compile(r"\\begin\{document\}[ \t\r]*+\n?+")
_TITLE = re.compile(r"\\title(?:\[[^\]]{0,300}+\])?+\{(?P<words>(?:[^{}]|\{[^{}]{0,200}+\}){1,300}+)\}")
_MARKS = re.compile(r"\\(?:thanks|footnote|label|vspace)\{[^{}]*+\}|\\\\|\\[A-Za-z]++\*?+[ ]?+|[{}~]")


def body_of(text: str) -> tuple[str, int]:
    """The text without what stands before and after its document, and where that begins; all of it without such."""
    begin = _BEGIN.search(text)
    if begin is None:
        return text, 0
    end = text.rfind("\\end{document}")
    return text[begin.end() : end if end > begin.end() else len(text)], begin.end()


def latex_title(text: str) -> str | None:
    """The words of the title, without commands."""
    title = _TITLE.search(text)
    return " ".join(_MARKS.sub(" ", title["words"]).split()) if title else None
