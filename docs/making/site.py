"""What the site has beside docs/: pages that stand at the top of the repository, and the links to and from them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File, Files

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

BESIDE = ("SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Take the pages beside docs/ in."""
    for name in BESIDE:
        text = (Path(config.docs_dir).parent / name).read_text(encoding="utf-8")
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """The links of a page, as they are where all pages stand below one folder."""
    if page.file.src_uri in BESIDE:
        return markdown.replace("](docs/", "](")
    return re.sub(rf"\]\(\.\./((?:\.\./)*(?:{'|'.join(BESIDE)}))", r"](\1", markdown)
