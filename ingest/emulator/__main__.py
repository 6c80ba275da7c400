"""`python -m ingest.emulator`: the server on its own."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from ingest.emulator import DIALECTS, FAULTS, Fault, RunningEmulator, dialect_of, serve, webhook_of
from ingest.errors import IngestError


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted; the exit status."""
    options = _parser().parse_args(arguments)
    made_key = not os.environ.get(options.api_key_env)

    def announce(emulator: RunningEmulator) -> None:
        """Print the address, and the key if it is known nowhere else, as lines a program can read."""
        key = [f"api_key {emulator.api_key}"] if made_key else []
        print(f"base_url {emulator.base_url}", *key, sep="\n", flush=True)  # noqa: T201 this is the output

    try:
        serve(
            options.folder,
            host=options.host,
            port=options.port,
            api_key=os.environ.get(options.api_key_env),
            faults=[Fault.parse(text) for text in options.fault],
            seed=options.seed,
            latency_s=options.latency,
            dialect=options.dialect,
            limits=replace(
                dialect_of(options.dialect).limits,
                **{name: value for name in _LIMITS if (value := getattr(options, name)) is not None},
            ),
            webhook=webhook_of(options.webhook_url),
            ready=announce,
        )
    except IngestError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 the same
        return error.exit_status
    except KeyboardInterrupt:
        return 130
    return 0


_LIMITS = {
    "file_bytes": int,
    "batch_requests": int,
    "batch_tokens": int,
    "batches_per_hour": int,
    "enqueued_requests": int,
    "enqueued_tokens": int,
    "open_batches": int,
    "requests_per_minute": int,
    "tokens_per_minute": int,
    "completion_window_s": float,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ingest.emulator",
        description="A local Files, Batches and Embeddings server.",
        epilog="faults: " + ", ".join(FAULTS),
    )
    parser.add_argument("--folder", type=Path, required=True, help="where files, batches and bills are kept")
    parser.add_argument("--dialect", choices=DIALECTS, default="openai", help="whose ways it has")
    parser.add_argument("--host", default="127.0.0.1", help="default: this machine only")
    parser.add_argument("--port", type=int, default=0, help="default: any that is free")
    parser.add_argument(
        "--api-key-env",
        default="INGEST_EMULATOR_KEY",
        metavar="NAME",
        help="the environment variable that holds the key; without one, a key is made and printed",
    )
    parser.add_argument(
        "--latency",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="a batch is validated, and runs, that long",
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME[:RATE[:COUNT[:AFTER[:SECONDS[:TIMES]]]]]",
        help="may be given again",
    )
    parser.add_argument(
        "--webhook-url", metavar="URL", help="is told of batches that end, signed with OPENAI_WEBHOOK_SECRET"
    )
    parser.add_argument("--seed", type=int, default=0, help="which of the chances fire")
    for name, kind in _LIMITS.items():
        parser.add_argument("--max-" + name.replace("_", "-"), dest=name, type=kind, metavar="N")
    return parser


if __name__ == "__main__":
    sys.exit(main())
