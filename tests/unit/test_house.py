"""CONTRIBUTING's picture of the house is true: which modules there are, and which import which."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "ingest"


def picture() -> list[str]:
    """The modules as the picture has them, from above to below; those of a package as `package.module`."""
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    drawn = re.search(r"## The picture of the house.*?```text\n(.*?)```", contributing, re.DOTALL)
    assert drawn
    found: list[str] = []
    package = ""
    for line in drawn[1].splitlines():
        inside = line.startswith("  │    ")
        names = re.findall(r"(?:^(?:  │)? {0,5}|(?<=\S)  +)([a-z_]+/?)(?=  )", line)
        if names and not inside:
            package = names[0] if names[0].endswith("/") else ""
        found += [f"{package}{name}".rstrip("/").replace("/", ".") if inside else name.rstrip("/") for name in names]
    return found


def imports(file: Path) -> Iterator[str]:
    """The modules of ours that a file imports when it runs; not those whose names are for types alone."""
    nodes: list[ast.AST] = [ast.parse(file.read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ingest."):
            yield (node.module or "").removeprefix("ingest.")
        nodes += ast.iter_child_nodes(node)


def test_it_shows_the_modules_that_there_are() -> None:
    shown = picture()

    modules = {path.stem for path in PACKAGE.glob("[a-z]*.py")}
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    opened = {name.partition(".")[0] for name in shown if "." in name}
    parts = {f"{each}.{path.stem}" for each in opened for path in PACKAGE.glob(f"{each}/[a-z]*.py")}
    parts |= {f"{each}.{path.parent.name}" for each in opened for path in PACKAGE.glob(f"{each}/*/__init__.py")}
    assert sorted(shown) == sorted(modules | packages | parts)


def test_imports_go_down_it_and_never_up() -> None:
    places = {name: place for place, name in enumerate(picture())}

    def shown_as(module: str) -> str:
        return module if module in places or not module else shown_as(module.rpartition(".")[0])

    up = []
    for file in sorted(PACKAGE.rglob("*.py")):
        importer = shown_as(".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"))
        for imported in map(shown_as, imports(file)):
            is_inside = importer.partition(".")[0] == imported.partition(".")[0]
            if importer and imported and not is_inside and places[imported] < places[importer]:
                up.append(f"{importer} imports {imported}")
    assert not up
