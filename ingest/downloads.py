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
_PAUSE_S = 0.25  # doubled after each try: 8 s in all


def download(provider: Provider, file_id: str, path: Path) -> None:
    """Fetch a remote file to a path.

    It is whole when it has the size that the provider tells. Where none is told, or less than what came, two downloads
    in a row must be of one size and end with a complete line.

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
            if got == size if told else got == last_size and _ends_whole(unfinished):
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


def _ends_whole(path: Path) -> bool:
    """Whether the last line of a result file is complete. A newline at the end is not asked for: some write none."""
    last = b"\n"
    with path.open("rb") as file:
        for line in file:
            last = line
    return last.endswith(b"\n") or not isinstance(parse_result(last), Malformed)
