"""How XML from outside is parsed: nothing that it names is fetched, and no entity is put in."""

from __future__ import annotations

from typing import Final, TypedDict


class _Parsing(TypedDict):
    resolve_entities: bool
    no_network: bool
    load_dtd: bool
    huge_tree: bool
    remove_comments: bool
    remove_pis: bool


# lxml's own names, for its parsers and its iterparse.
SAFE_XML: Final[_Parsing] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}
