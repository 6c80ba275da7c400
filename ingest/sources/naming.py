"""Documents of a source that has a name: their URIs are relative to it, so the same tree elsewhere is the same ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from ingest.model import Document
    from ingest.sources.source import Item


@dataclass(frozen=True, slots=True)
class Named:
    """Something found in a source that has a name, under the URI that it has for that."""

    item: Item
    root: str
    uri: str

    @property
    def name(self) -> str:
        """What people call it: by where it is now."""
        return self.item.name

    @property
    def size(self) -> int:
        """The item's."""
        return self.item.size

    @property
    def version(self) -> str | None:
        """The item's."""
        return self.item.version

    def read(self, max_bytes: int) -> Document:
        """The document. What stands with it is the same wherever the source is.

        Raises:
            UnreadableError: as the item's.
        """
        document = self.item.read(max_bytes)
        metadata = {**document.metadata, "source": self.root}
        if "path" in metadata and self.uri != self.item.uri:
            inside = self.uri.removeprefix(f"{self.root}/").partition("#")[0]
            metadata["path"] = unquote_to_bytes(inside).decode(errors="replace")
        message = metadata.get("message")  # of what is attached to one: its URI begins with the message's
        if isinstance(message, str) and self.item.uri.startswith(message):
            metadata["message"] = self.uri[: len(self.uri) - len(self.item.uri) + len(message)]
        return replace(document, uri=self.uri, metadata=metadata)


def former_uri(item: Item) -> str:
    """The URI that an item has where its source has no name."""
    return item.item.uri if isinstance(item, Named) else item.uri


def named_uri(name: str, uri: str, given: str, above: str) -> str:
    """The URI of something in a source of this name.

    `given`: the URI of what the source is given by; `above`: that of the folder, with its slash, that a file or a
    glob is in.
    """
    if uri.startswith(f"{given}/"):
        return f"{name}/{uri.removeprefix(f'{given}/')}"
    if uri.startswith(above):
        return f"{name}/{uri.removeprefix(above)}"
    return uri
