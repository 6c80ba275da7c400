"""What each cut costs: the order of preference among boundaries, in one place.

Wider steps keep structure better, ties on top of them make cuts steadier under edits: these were weighed, with the
cost of small chunks in `cuts.py`, by `benchmarks/edits.py` and the share of chunks that begin at a heading.
"""

from __future__ import annotations

# Content breaks ties: to each cost a number below TIES is added that is made from the text around the cut.
TIES = 1_000

HEADING = 0
DEFINITION = 150
PARAGRAPH = 350
BLOCK_ITEM = 700
WHOLE_LINE = 700
INSIDE = 1_200  # a blank line in a definition
CODE_LINE = 1_400
SENTENCE = 1_400
LINE = 1_500
CLAUSE = 2_400
LEVEL = 900  # a key or an element of data, for each level that it is deeper than the outermost: hardly less than a tie
DATA_LINE = 3_600
WORD = 2_800
GRAPHEME = 5_000
CHARACTER = 10_000
AFTER_HEADING = 2_400  # a heading keeps its text

OF_KIND = {
    "heading": HEADING,
    "definition": DEFINITION,
    "paragraph": PARAGRAPH,
    "fence": PARAGRAPH,
    "item": BLOCK_ITEM,
    "row": BLOCK_ITEM,
    "inside": INSIDE,
    "nested": BLOCK_ITEM,
    "record": BLOCK_ITEM,
    **{f"level {level}": LEVEL * (level - 1) for level in range(1, 5)},
    "after heading": AFTER_HEADING,
}
