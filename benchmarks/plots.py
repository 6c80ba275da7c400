"""Tables as bars, readable on a light page and on a dark one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.tables import rate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.tables import Table

_OURS, _OTHERS = "#2f81f7", "#8b949e"
_INK = "#7d8590"  # a contrast of about 4 with white and with black alike: the page's colour shows through
_WIDTH, _BAR_HEIGHT, _TITLE_HEIGHT = 7.5, 0.27, 0.75  # inches


def plot(tables: Sequence[Table], path: Path) -> None:
    """A panel of bars for each table, ours in colour, into an SVG file."""
    heights = [_TITLE_HEIGHT + _BAR_HEIGHT * len(table.bars) for table in tables]
    # The same picture from the same figures, and text that stays text.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": path.name, "font.family": "sans-serif"}):
        figure = Figure(figsize=(_WIDTH, sum(heights)), layout="constrained")
        panels = figure.subplots(len(tables), squeeze=False, height_ratios=heights)[:, 0]
        for panel, table in zip(panels, tables, strict=True):
            colours = [_OURS, *[_OTHERS] * (len(table.bars) - 1)]
            bars = panel.barh(list(table.bars), list(table.bars.values()), color=colours)
            panel.bar_label(bars, [rate(value) for value in table.bars.values()], padding=4, color=_INK, fontsize=9)
            panel.set_title(f"{table.title}, {table.unit}", color=_INK, fontsize=10, loc="left", wrap=True)
            panel.invert_yaxis()
            panel.margins(x=0.12)
            panel.set_xticks([])
            panel.tick_params(colors=_INK, labelsize=9, length=0)
            panel.spines[:].set_visible(False)
        figure.savefig(path, transparent=True, metadata={"Date": None, "Creator": None})
