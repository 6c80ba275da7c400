"""Readers of documents, ours and others'; `python benchmarks/readers.py NAME` answers paths with lines of JSON.

Each is a process of its own, by the interpreter that INGEST_BENCH_<NAME> names (of an environment of its own, as
what some need is heavy), or by this one. A file may take a minute.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_SECONDS = 60  # as many as a file may take us by default


class Read(NamedTuple):
    """What a reader made of a file; no text where it refused, failed or took too long."""

    text: str | None
    seconds: float
    reason: str = ""


def interpreter(name: str) -> str:
    return os.environ.get(f"INGEST_BENCH_{name.upper()}", sys.executable)


def read_all(name: str, paths: Iterable[Path]) -> dict[Path, Read]:
    """What a reader makes of the files; nothing where it is not installed."""
    waiting, found = list(paths), {}
    while waiting:
        command = [interpreter(name), __file__, name]
        given = "".join(f"{path}\n" for path in waiting)
        environment = (
            {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])} if name == "ours" else dict(os.environ)
        )
        done = subprocess.run(command, input=given, text=True, capture_output=True, check=False, env=environment)
        for line in done.stdout.splitlines():
            if line.startswith('{"path"'):
                answer = json.loads(line)
                path = Path(answer.pop("path"))
                found[path] = Read(**answer)
        left = [path for path in waiting if path not in found]
        if len(left) == len(waiting) and "ready" not in done.stdout:
            print(f"{name} is left out: {(done.stderr.strip().splitlines() or ['it does not start'])[-1]}")
            return {}
        if left:  # the file at which it ended
            found[left[0]] = Read(None, _SECONDS, f"ended with status {done.returncode}")
        waiting = left[1:]
    return found


def _ours() -> Callable[[str], str]:
    from ingest.sources.files import Files

    def read(path: str) -> str:
        texts = []
        for item in Files([path]).items():
            reader = getattr(item, "read", None)
            if reader is None:
                raise ValueError(getattr(item, "reason", "skipped"))
            texts.append(reader(50_000_000).text)
        if not texts:
            raise ValueError("nothing was read")
        return "\n".join(texts)

    return read


def _markitdown() -> Callable[[str], str]:
    from markitdown import MarkItDown

    converter: Any = MarkItDown()
    return lambda path: str(converter.convert(path).text_content)


def _docling() -> Callable[[str], str]:
    from docling.document_converter import DocumentConverter

    converter: Any = DocumentConverter()
    return lambda path: str(converter.convert(path).document.export_to_markdown())


def _trafilatura() -> Callable[[str], str]:
    import trafilatura

    return lambda path: str(
        trafilatura.extract(Path(path).read_bytes(), output_format="markdown", favor_recall=True, include_tables=True)
        or ""
    )


def _readability() -> Callable[[str], str]:
    import readability
    from bs4 import BeautifulSoup

    return lambda path: BeautifulSoup(
        readability.Document(Path(path).read_text(errors="replace")).summary(), "html.parser"
    ).get_text(" ")


READERS = {
    "ours": _ours,
    "markitdown": _markitdown,
    "docling": _docling,
    "trafilatura": _trafilatura,
    "readability": _readability,
}


def _answers(name: str) -> Iterator[dict[str, object]]:
    read = READERS[name]()
    print("ready", flush=True)
    for line in sys.stdin:
        path = line.rstrip("\n")
        began = time.perf_counter()
        signal.alarm(_SECONDS)  # the system ends what does not come back
        try:
            text: str | None = read(path)
            reason = ""
        except Exception as error:  # noqa: BLE001 - any failure is a finding
            text, reason = None, f"{type(error).__name__}: {error}"[:200]
        signal.alarm(0)
        yield {"path": path, "text": text, "seconds": time.perf_counter() - began, "reason": reason}


if __name__ == "__main__":
    for answer in _answers(sys.argv[1]):
        print(json.dumps(answer), flush=True)
