"""Objects as a source: which there are on a storage that fsspec reaches (s3://, gs://), and what stands in them."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from glob import has_magic
from inspect import Parameter, signature
from io import BufferedReader
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from ingest.errors import UnreachableError, UsageError
from ingest.redaction import foreign
from ingest.sources import globs
from ingest.sources.content import document, most_bytes, too_large
from ingest.sources.extraction.workers import DEFAULT_LIMITS, Limits
from ingest.sources.minified import is_minified
from ingest.sources.source import HIDDEN, MINIFIED, RACY_NS, Skipped
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.model import Document

_EMPTY_PART = "a key with an empty part, which is no path"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that may become a document. `root` is the URL it was found by; `stamp` changes when it does."""

    url: str
    root: str
    size: int
    stamp: str | None
    limits: Limits = DEFAULT_LIMITS

    @property
    def uri(self) -> str:
        """The document's identity: its URL, in which the key stands as it is."""
        return self.url

    @property
    def name(self) -> str:
        """Its URL."""
        return self.url

    @property
    def version(self) -> str | None:
        """What tells cheaply that the object is unchanged; None where it may change unseen."""
        return self.stamp and f"{self.size}-{self.stamp}"

    def read(self, max_bytes: int) -> Document:
        """The object as a document.

        Raises:
            UnreadableError: it is no text, is too large, is gone, or cannot be read.
            UnreachableError: the storage is out of reach.
        """
        scheme, _, path = self.url.partition("://")
        bound = most_bytes(PurePosixPath(path).suffix, b"", max_bytes)
        if self.size > bound:
            raise too_large(self.size, bound, max_bytes)
        content = b""
        if self.size:  # of nothing there is no range to ask for
            try:
                content = _storage(scheme).cat_file(path, end=bound + 1)
            except OSError as error:
                raise UnreadableError(_reason(error)) from None
            except Exception as error:
                raise _out_of_reach(self.url, error) from error
        if len(content) > bound:
            raise UnreadableError(f"grew over max_document_bytes ({max_bytes:,})")
        if self.url != self.root and is_minified(path, content):  # what is given by its own name is read
            raise UnreadableError(MINIFIED)
        return document(
            content,
            uri=self.url,
            name=PurePosixPath(path).name,
            metadata={"path": self.url},
            max_bytes=max_bytes,
            limits=self.limits,
        )

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """The object, open to read.

        Raises:
            UnreadableError: it cannot be opened or read.
        """
        scheme, _, path = self.url.partition("://")
        try:
            with _storage(scheme).open(path, "rb") as stream:
                yield BufferedReader(stream)  # fsspec's own know no bound for a line
        except OSError as error:
            raise UnreadableError(_reason(error)) from None


def find_objects(given: str) -> Iterator[StoredObject | Skipped]:
    """The objects of a URL, which is that of one, of all below a prefix, or a glob; in a steady order.

    Hidden ones are passed over. What is held in memory is the listing of a folder at a time.

    Raises:
        UsageError: there is nothing, or no such storage.
        UnreachableError: the storage is out of reach, or refuses us.
    """
    scheme, _, path = given.partition("://")
    path, root = path.rstrip("/"), given.rstrip("/")
    user, _, bucket = path.partition("/")[0].rpartition("@")
    if ":" in user:
        raise UsageError(
            f"a URL with a password would be stored: name {scheme}://{bucket}/… without it, and give it as the "
            "storage's own tools take it."
        )
    if has_magic(path.partition("/")[0]):
        raise UsageError(f"{given} names no bucket: a glob begins after it.")
    storage = _storage(scheme)
    try:
        found = storage.info(path)
    except FileNotFoundError:
        found = None
    except Exception as error:
        raise _out_of_reach(given, error) from error
    if found and (found["type"] == "directory" or given.endswith("/")):
        yield from _walk(storage, scheme, path, root)
    elif found:
        yield _look_at(found, scheme, root)
    elif has_magic(path):
        yield from _glob(storage, scheme, path, root)
    else:
        raise UsageError(f"no such object or prefix: {given}.")


@cache
def _storage(scheme: str) -> Any:
    """The filesystem of a scheme, with the address and the credentials of the environment; for all threads."""
    try:
        import fsspec

        told = fsspec.config.conf.get(scheme, ())
        if _wants(fsspec.get_filesystem_class(scheme)) <= set(told):
            return fsspec.filesystem(scheme, use_listings_cache=False)
    except ImportError as error:
        raise UsageError(f"{scheme}:// cannot be read ({error}): pip install 'pgvector-ingest[objects]'.") from None
    except ValueError as error:
        raise UsageError(f"{scheme}:// is not a storage that fsspec knows: {error}.") from None
    except (AttributeError, TypeError):  # what it was told by the environment is none of it
        pass
    except Exception as error:
        raise _out_of_reach(f"{scheme}://", error) from error
    raise UsageError(
        f"{scheme}:// needs more than a URL can tell, such as a host or another storage below: give it as fsspec's "
        f"variables (FSSPEC_{scheme.upper()}_…), or copy the files to where they can be read."
    )


def _wants(storage: type) -> set[str]:
    """What has to be told to make one. Some that were half made without it fail once more when they are taken down."""
    _, *parameters = signature(storage.__init__).parameters.values()  # type: ignore[misc]
    named = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    return {each.name for each in parameters if each.default is Parameter.empty and each.kind in named}


def _walk(
    storage: Any, scheme: str, folder: str, root: str, deepest: int | None = None
) -> Iterator[StoredObject | Skipped]:
    """The objects below a prefix, `deepest` levels down at most."""
    waiting: list[tuple[int, dict[str, Any]]] = [(0, {"name": folder, "type": "directory"})]
    while waiting:
        depth, found = waiting.pop()
        path = found["name"]
        if depth and path.rpartition("/")[2].startswith("."):
            yield Skipped(_url(scheme, path), HIDDEN)
        elif found["type"] != "directory":
            yield _look_at(found, scheme, root)
        elif deepest is None or depth < deepest:
            try:
                entries = storage.ls(path, detail=True)
            except OSError as error:
                yield Skipped(_url(scheme, path), _reason(error), is_folder=True)
                continue
            except Exception as error:
                raise _out_of_reach(_url(scheme, path), error) from error
            inside = [entry for entry in entries if entry["name"].strip("/") != path.strip("/")]
            if any(entry["type"] == "directory" for entry in entries if entry not in inside):
                yield Skipped(f"{_url(scheme, path)}//", _EMPTY_PART)
            inside.sort(key=lambda entry: str(entry["name"]), reverse=True)
            waiting.extend((depth + 1, entry) for entry in inside)


def _glob(storage: Any, scheme: str, pattern: str, root: str) -> Iterator[StoredObject | Skipped]:
    """The objects that match a pattern; `**` stands for any folders."""
    parts = pattern.split("/")
    fixed = next(number for number, part in enumerate(parts) if has_magic(part))
    folder, wanted = "/".join(parts[:fixed]), parts[fixed:]
    glob = globs.compiled(wanted)
    matched = False
    for item in _walk(storage, scheme, folder, root, None if any(map(globs.is_any_folders, wanted)) else len(wanted)):
        inside = item.name.removeprefix(_url(scheme, folder)).strip("/")
        if globs.matches(inside.split("/"), glob):
            matched = True
            yield item
        elif isinstance(item, Skipped) and item.is_folder:
            yield item
    if not matched:
        raise UsageError(f"nothing matches {root}.")


def _look_at(found: dict[str, Any], scheme: str, root: str) -> StoredObject:
    return StoredObject(_url(scheme, found["name"]), root, found["size"] or 0, _stamp(found))


def _stamp(found: dict[str, Any]) -> str | None:
    """What changes with an object: its ETag, else its time, once that is old enough to tell two changes apart."""
    if etag := found.get("ETag") or found.get("etag"):
        return str(etag).strip('"')
    for key in ("mtime", "LastModified", "last_modified", "created"):
        at = found.get(key)
        if isinstance(at, datetime):
            at = at.timestamp()
        if isinstance(at, int | float):
            return None if time.time() - at < RACY_NS / 1e9 else str(at)
    return None


def _url(scheme: str, path: str) -> str:
    return f"{scheme}://{path.lstrip('/')}"


def _reason(error: OSError) -> str:
    """Why an object cannot be read, as of a file; the storages have no one way to say it."""
    if isinstance(error, FileNotFoundError):
        return "No such file or directory"
    return error.strerror or foreign(error) or "cannot be read"


def _out_of_reach(url: str, error: Exception) -> UnreachableError:
    words = foreign(error) or type(error).__name__
    return UnreachableError(
        f"{url} is out of reach, or refuses us: {words.rstrip('.')}. Nothing is lost: see that the address and the "
        "credentials are right (as for the storage's own tools), then run the same command again."
    )
