"""What says nothing to anybody: white space, characters without width, and marks that stand alone."""

from __future__ import annotations

import re

# Signs that only part or frame: of Markdown's rules, table rows and list items, and of drawn boxes.
_MARKS = r"\-=_*#|:~`+>^.\\•·…–—\u2500-\u257f"
# Python's white space has neither the fillers of Hangul and Braille nor what has no width.
_NO_WIDTH = (
    r"\s\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufffc"
)
_SAYS_NOTHING = re.compile(
    rf"(?:[{_NO_WIDTH}{_MARKS}]++|</?+[A-Za-z][A-Za-z0-9]{{0,9}}\s{{0,9}}/?+>"
    r"|&(?:nbsp|ensp|emsp|thinsp|zwn?j|shy|\#160|\#8203);)*+"
)


def is_blank(text: str) -> bool:
    """Whether a text is white space, marks and bare tags, and nothing else: nobody would look for it."""
    return _SAYS_NOTHING.fullmatch(text) is not None
