"""The terminal as it looks: `python -m docs.terminal` runs the commands and draws docs/terminal.svg.

They run on a terminal of their own, against servers that are gone afterwards. A bar stands as it was when it ended.
"""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROOT = Path(__file__).parent.parent
PICTURE = Path(__file__).parent / "terminal.svg"
COLUMNS = 104
COMMANDS = (
    ("run", "examples/corpus"),
    ("search", "How can I build an index without blocking writes to the table?", "--limit", "2"),
)
# Seen as well on a light page as on a dark one.
_COLOURS = TerminalTheme(
    (22, 27, 34),
    (209, 215, 224),
    [(110, 118, 129), (255, 123, 114), (63, 185, 80), (210, 153, 34), (88, 166, 255), (188, 140, 255), (57, 197, 207),
     (209, 215, 224)],
)  # fmt: skip
# Rich's own picture without the font that it would fetch, and without buttons.
_PICTURE = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="A run and a search">
<style>
.{unique_id}-matrix {{ font: {char_height}px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }}
{styles}
</style>
<rect fill="#161b22" width="{width}" height="{height}" rx="12"/>
<g transform="translate({terminal_x}, 16)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def main() -> None:
    """Run the commands and write the picture."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), legacy_windows=False, force_terminal=True)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)  # as root, the embedded PostgreSQL runs as another user
        for command in COMMANDS:
            if command is not COMMANDS[0]:
                console.print()
            asked = " ".join(f'"{word}"' if " " in word else word for word in command)
            console.print(Text.assemble(("$ ", "dim"), (f"ingest {asked}", "bold")))
            console.print(Text.from_ansi(_shown(_run(command, folder)).replace(f"{ROOT}/", "")))
    svg = console.export_svg(
        title="", theme=_COLOURS, code_format=_PICTURE, unique_id="terminal", font_aspect_ratio=0.6
    )
    PICTURE.write_text(
        re.sub(r'\s*<clipPath.*?</clipPath>|clip-path="[^"]*"', "", svg, flags=re.DOTALL), encoding="utf-8"
    )


def _run(command: tuple[str, ...], folder: str) -> str:
    """What a command writes on a terminal, both its streams."""
    ours, theirs = pty.openpty()
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("INGEST_", "OPENAI_", "DATABASE_"))
    }
    with subprocess.Popen(
        [sys.executable, "-m", "ingest", *command],
        cwd=ROOT,
        env={**kept, "INGEST_DATA_DIR": folder, "COLUMNS": str(COLUMNS), "TERM": "xterm-256color"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        written = b""
        try:
            while block := os.read(ours, 65536):
                written += block
        except OSError:  # the terminal is closed by its last user
            pass
        os.close(ours)
    if process.returncode:
        raise SystemExit(f"ingest {' '.join(command)} ended with {process.returncode}: {written.decode()}")
    return written.decode()


def _shown(written: str) -> str:
    """The lines as they stand at the end: of a line that was written over, the last; colours only."""
    lines = (re.split(r"\r|\x1b\[2K", line.rstrip("\r"))[-1] for line in written.split("\n"))
    return re.sub(r"\x1b\[(?!\d*(;\d+)*m)[?\d;]*[A-Za-z]", "", "\n".join(lines)).rstrip()


if __name__ == "__main__":
    main()
