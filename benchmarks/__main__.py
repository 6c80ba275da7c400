"""Every benchmark, one after another: `python -m benchmarks`."""

from __future__ import annotations

from benchmarks import chunking, edits

for benchmark in (chunking, edits):
    print(f"\n== {benchmark.__name__}: {(benchmark.__doc__ or '').splitlines()[0]}")
    benchmark.main()
