"""The reference, made from the code: `python -m docs.generate` writes docs/reference/*.md, which are committed."""

from __future__ import annotations

from pathlib import Path

from docs.making.commands import commands
from docs.making.models import models
from docs.making.python import python
from docs.making.settings import settings
from docs.making.statuses import exit_statuses
from docs.making.tables import tables

FOLDER = Path(__file__).parent / "reference"


def pages() -> dict[str, str]:
    """The pages by their names, as they are to be."""
    return {
        name: f"<!-- Made from the code by `python -m docs.generate`: change it there. -->\n\n{body}\n"
        for name, body in (
            ("commands.md", commands()),
            ("settings.md", settings()),
            ("models.md", models()),
            ("exit-statuses.md", exit_statuses()),
            ("tables.md", tables()),
            ("python.md", python()),
        )
    }


def main() -> None:
    """Write the pages, and remove those that are no more."""
    FOLDER.mkdir(exist_ok=True)
    made = pages()
    for file in FOLDER.glob("*.md"):
        if file.name not in made:
            file.unlink()
    for name, page in made.items():
        (FOLDER / name).write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
