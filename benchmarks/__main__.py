"""Every benchmark, one after another: `python -m benchmarks`."""

from __future__ import annotations

from benchmarks import chunking, column, edits, load

for benchmark in (chunking, edits, load, column):
    print(f"\n== {benchmark.__name__}: {(benchmark.__doc__ or '').splitlines()[0]}")
    benchmark.main()
