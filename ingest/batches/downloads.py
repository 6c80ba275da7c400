"""Result files from the provider to the disk: whole, or not at all."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING
from uuid import uuid4

from ingest.batches.backoff import DiskError
from ingest.errors import UnreachableError
from ingest.failpoints import reach
from ingest.provider import ResultMissingError
from ingest.provider.jsonl import Malformed

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.provider import Provider
    from ingest.provider.wire import ParseLine

_TRIES = 6
_LAST = _TRIES - 1
_PAUSE_S = 0.25  # doubled after each try: 8 s in all


def download(provider: Provider, file_id: str, path: Path, *, lines: int = 0, most_lines: int = 0) -> None:
    """Fetch a remote file to a path.

    It is whole when it has the size that the provider tells. Where that is another, or none, two downloads in a row
    must be of one size, end with a complete line and have `lines` lines; at the last try fewer will do, unless more
    than what came was told: then it has to have `most_lines`, over which there are none.

    Raises:
        ResultMissingError: there is no such file, or it is empty and should have `lines`: not yet, or no more.
        UnreachableError: it could not be fetched whole in several tries.
        DiskError: it cannot be written.
    """
    size: int | None = None
    last_size: int | None = None
    trouble = UnreachableError("")
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE_S * 2 ** (attempt - 1))
        unfinished = path.with_name(f"{path.name}.{uuid4().hex}.part")
        try:
            size = size or provider.file_size(file_id)  # a file may be too new to be told of
            _write(provider, file_id, unfinished)
            got = unfinished.stat().st_size
            if lines and not got:
                raise ResultMissingError(f"the provider's file {file_id} is empty, and {lines:,} texts are done")
            reach("download-written")
            is_short = size is not None and got < size
            fewest = max(lines, most_lines) if is_short else lines if attempt < _LAST else 0
            is_same = got == last_size and (fewest or not is_short)
            if got == size or (is_same and _looks_whole(unfinished, fewest, provider.wire.parse)):
                unfinished.replace(path)
                reach("download-renamed")
                return
            last_size = got
            trouble = UnreachableError(
                f"the provider's file {file_id} came with {got:,} bytes{f' of {size:,}' if size else ''}, again and "
                "again.",
                "Nothing is lost: run the same command again later.",
            )
        except UnreachableError as error:
            # What never began was asked for several times already, and is a matter of minutes.
            if not unfinished.exists() or not unfinished.stat().st_size:
                raise
            trouble = error
        except OSError as error:
            raise DiskError(
                f"{unfinished} cannot be written: {error.strerror}. Nothing is lost: fix it, then run the command "
                "again."
            ) from error
        finally:
            unfinished.unlink(missing_ok=True)
    raise trouble


def _write(provider: Provider, file_id: str, path: Path) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
        file.writelines(provider.download(file_id))


def _looks_whole(path: Path, lines: int, parse: ParseLine) -> bool:
    """Whether there are so many lines, the last of them complete. Some write no newline at the end."""
    last, count = b"\n", 0
    with path.open("rb") as file:
        for count, last in enumerate(file, 1):  # noqa: B007 - both are wanted after it
            pass
    return count >= lines and (last.endswith(b"\n") or not isinstance(parse(last), Malformed))
