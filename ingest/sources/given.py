"""What a user names as a source: which way in it is, the URI that it is recorded by, where its documents lie."""

from __future__ import annotations

import os
from collections.abc import Callable  # noqa: TC003 - a table is typed by it
from pathlib import Path
from urllib.parse import unquote_to_bytes

from ingest.errors import UsageError
from ingest.sources.destinations import is_page
from ingest.sources.records import STANDARD_INPUT, STANDARD_INPUT_ROOT
from ingest.sources.repository import is_repository, repository
from ingest.sources.sites.names import feed_root, is_feed, is_site, site_root
from ingest.sources.walking import walked_folder
from ingest.sources.web import page_uri

_WAYS: tuple[tuple[Callable[[str], bool], Callable[[str], str]], ...] = (
    (is_site, site_root),  # before pages: a sitemap has the URL of one
    (is_feed, feed_root),
    (is_repository, lambda given: repository(given).root),
    (is_page, page_uri),
)


def is_remote(given: str) -> bool:
    """Whether it is not on this machine."""
    return "://" in given and not given.startswith("file://")


def path_of(given: str) -> str:
    """A path as it is; that of a file:// URL.

    Raises:
        UsageError: the URL is that of another machine.
    """
    if not given.startswith("file://"):
        return given
    host, slash, path = given.removeprefix("file://").partition("/")
    if host not in {"", "localhost"}:
        raise UsageError(f"{given} names the machine {host}: a file:// URL begins with three slashes.")
    return os.fsdecode(unquote_to_bytes(slash + path))


def root_of(given: str) -> str:
    """It as a URI.

    Raises:
        UsageError: it is none.
    """
    if given == STANDARD_INPUT:
        return STANDARD_INPUT_ROOT
    for is_way, root in _WAYS:
        if is_way(given):
            return root(given)
    if is_remote(given):
        return given.rstrip("/")
    return Path(os.path.abspath(path_of(given))).as_uri()  # noqa: PTH100 - Path.resolve would follow links


def folder_above(given: str) -> str:
    """The folder that a file or a glob is in, as a URI that ends with a slash."""
    if given == STANDARD_INPUT or is_page(given) or is_site(given) or is_feed(given):
        return given
    if is_repository(given):
        return f"{repository(given).uri}/"
    if is_remote(given):
        fixed = given[: next((i for i, char in enumerate(given) if char in "*?["), len(given.rstrip("/")))]
        return fixed.rpartition("/")[0] + "/"
    return walked_folder(path_of(given)).as_uri().rstrip("/") + "/"
