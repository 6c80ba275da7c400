"""Index a folder once, from Python: say what it costs, refuse above a limit, tell what failed, ask a question.

    python examples/index_once.py docs/ --question "how do I restore a backup?"

Settings are those of the command line: OPENAI_API_KEY, DATABASE_URL, INGEST_*, ingest.toml.
After any stop, run it again.
"""

from __future__ import annotations

import argparse
import sys

from ingest import IngestError, Pipeline
from ingest.settings import load_settings


def main() -> int:
    """The exit status: 0 done, 1 some texts failed, and those of `ingest` for errors."""
    parser = argparse.ArgumentParser(description="Index files into PostgreSQL.")
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--corpus", default="corpus")
    parser.add_argument("--max-cost", type=float, default=5.0, metavar="DOLLARS")
    parser.add_argument("--question")
    options = parser.parse_args()

    def approve(tokens: int, dollars: float) -> bool:
        print(f"{tokens:,} tokens, about ${dollars:.4f}")
        return dollars <= float(options.max_cost)

    try:
        with Pipeline(load_settings({"corpus": options.corpus})) as pipeline:
            report = pipeline.run(options.paths, approve)
            print(f"{report.embedded:,} of {report.chunks:,} passages of {report.documents:,} documents are searchable")
            for failure in report.failures:
                print(f"failed: {failure.uri}: {failure.message}", file=sys.stderr)
            if options.question:
                for passage in pipeline.search(options.question, limit=3):
                    print(f"{passage.score:.3f}  {passage.uri}  {' > '.join(passage.headings)}")
    except IngestError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
