"""The benchmarks, all or by name: `python -m benchmarks [NAME …] [--write docs/performance.md]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import (
    chunking,
    column,
    edits,
    end_to_end,
    fidelity,
    filters,
    indexes,
    keywords,
    load,
    quantization,
    request_lines,
    retrieval,
    scale,
    searching,
    startup,
    storage,
)
from benchmarks.document import write
from benchmarks.tables import show

BENCHMARKS = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        chunking,
        edits,
        request_lines,
        load,
        storage,
        end_to_end,
        indexes,
        column,
        startup,
        scale,
        fidelity,
        retrieval,
        quantization,
        keywords,
        filters,
        searching,
    )
}
ASKED_FOR = {"scale", "fidelity", "retrieval", "quantization", "keywords", "filters", "searching"}
DEFAULT = [name for name in BENCHMARKS if name not in ASKED_FOR]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measurements side by side.")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"default: {', '.join(DEFAULT)}; scale, quantization, keywords, filters and searching take "
        "long, fidelity and retrieval need files",
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the results into this document, with plots")
    options = parser.parse_args()
    if unknown := set(options.names) - BENCHMARKS.keys():
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    for name in options.names or DEFAULT:
        print(f"\n== {name}: {(BENCHMARKS[name].__doc__ or '').splitlines()[0]}")
        found = show(BENCHMARKS[name].tables())
        if options.write:
            write(options.write, BENCHMARKS[name], found)


if __name__ == "__main__":
    main()
