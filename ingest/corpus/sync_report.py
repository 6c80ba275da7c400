"""What a sync found and did: counts, and the first of what is listed."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest.formatting import display_path
from ingest.sources.source import Skipped

_MAX_LISTED = 1000
_MAX_NAME = 300  # characters of a name that is listed: a key may be as long as it likes


@dataclass(slots=True)
class SyncReport:
    """What a sync found and did. Tokens count the embedded texts; dollars are those of the mode taken."""

    documents_new: int = 0
    documents_changed: int = 0
    documents_moved: int = 0
    documents_gone: int = 0
    documents_unchanged: int = 0
    documents_renamed: int = 0
    """Documents of before their source had a name: under the URI that they have now, with all that was paid."""
    documents_withheld: int = 0
    withheld: list[Skipped] = field(default_factory=list)
    """The first thousand documents that stay although they were not found: their file is there still, and nobody said
    of this corpus that it is not to be read, or it cannot be looked at."""
    documents_empty: int = 0
    empty: list[Skipped] = field(default_factory=list)
    """The first thousand new or changed documents with no text in them."""
    chunks_new: int = 0
    chunks_kept: int = 0
    chunks_shared: int = 0
    tokens_to_pay: int = 0
    tokens_read: int = 0
    tokens_in_corpus: int = 0
    dollars_to_pay: float = 0.0
    dollars_saved: float = 0.0
    """What embedding the whole corpus anew would cost more than this run."""
    bytes_read: int = 0
    refused_count: int = 0
    """Rows over the model's limit that are not embedded."""
    cut_count: int = 0
    cut: list[Skipped] = field(default_factory=list)
    """The first thousand rows of which only the beginning is embedded."""
    lossy_count: int = 0
    lossy: list[Skipped] = field(default_factory=list)
    """The first thousand documents of which something was not read, or not as it stands, and what."""
    losses: dict[str, int] = field(default_factory=dict)
    """How much that was, by its kind (`LossKind`)."""
    skipped_hidden: int = 0
    skipped_binary: int = 0
    skipped_ignored: int = 0
    skipped_vendored: int = 0
    """Folders of installed or copied code of others, such as node_modules."""
    skipped_lock_files: int = 0
    skipped_minified: int = 0
    skipped_archives: int = 0
    """Archives below a folder: one is read where it is named, or included."""
    skipped_dead_links: int = 0
    """Links of a site to pages that it says there are none of."""
    skipped_vanished: int = 0
    """Rows that were there when they were listed, and were not when they were read."""
    skipped_count: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    """The first thousand files or rows passed over for another reason than these."""

    @property
    def has_read(self) -> bool:
        """Whether a source was read at all."""
        documents = self.documents_new + self.documents_changed + self.documents_moved + self.documents_unchanged
        return bool(documents + self.documents_gone + self.skipped_count)

    @property
    def has_failed(self) -> bool:
        """Whether something of the source is not in the corpus that should be, or not as it is now."""
        return bool(self.skipped_count or self.refused_count)


def keep_withheld(report: SyncReport, uri: str, reason: str) -> None:
    """Count a document that stays although it was not found."""
    report.documents_withheld += 1
    list_one(report.withheld, named(display_path(uri), f"kept: {reason}"))


def named(name: str, reason: str) -> Skipped:
    """What is listed of a document, and why. The bytes of a file name need not be UTF-8, and JSON has no other."""
    name = name.encode(errors="replace").decode()
    return Skipped(name if len(name) <= _MAX_NAME else f"{name[:_MAX_NAME]}…", reason)


def list_one(listed: list[Skipped], another: Skipped) -> None:
    """One more, as long as there are not too many."""
    if len(listed) < _MAX_LISTED:
        listed.append(another)
