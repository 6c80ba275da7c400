"""Result files from the provider to the disk: whole, or not at all."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING
from uuid import uuid4

from ingest.errors import UnreachableError
from ingest.failpoints import reach
from ingest.jsonl import Malformed, parse_result

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.provider import Provider

_TRIES = 6
_LAST = _TRIES - 1
_PAUSE_S = 0.25  # doubled after each try: 8 s in all


def download(provider: Provider, file_id: str, path: Path, *, lines: int = 0) -> None:
    """Fetch a remote file to a path.

    It is whole when it has the size that the provider tells. Where none is told, or less than what came, two downloads
    in a row must be of one size and end with a complete line; with fewer than `lines`, all the tries until the last.

    Raises:
        ResultMissingError: there is no such file, again and again.
        UnreachableError: it could not be fetched whole in several tries.
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
            reach("download-written")
            told = size is not None and got <= size
            if got == size if told else got == last_size and _looks_whole(unfinished, lines if attempt < _LAST else 0):
                unfinished.replace(path)
                reach("download-renamed")
                return
            last_size = got
            trouble = UnreachableError(
                f"the provider's file {file_id} came with {got:,} bytes{f' of {size:,}' if size else ''}, again and "
                "again. Nothing is lost: run the same command again later."
            )
        except UnreachableError as error:
            trouble = error
        except OSError as error:
            raise UnreachableError(
                f"{unfinished} cannot be written: {error.strerror}. Nothing is lost: mend it, then run the command "
                "again."
            ) from error
        finally:
            unfinished.unlink(missing_ok=True)
    raise trouble


def _write(provider: Provider, file_id: str, path: Path) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
        file.writelines(provider.download(file_id))


def _looks_whole(path: Path, lines: int) -> bool:
    """Whether there are so many lines, the last of them complete. Some write no newline at the end."""
    last, count = b"\n", 0
    with path.open("rb") as file:
        for count, last in enumerate(file, 1):  # noqa: B007 - both are wanted after it
            pass
    return count >= lines and (last.endswith(b"\n") or not isinstance(parse_result(last), Malformed))
