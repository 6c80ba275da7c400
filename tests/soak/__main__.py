"""`python -m tests.soak --kills 2000 --seed 1`: the soak of the test suite, as long as you like.

With `--mixture`: every command, two to four at once, beside an application's own readers and writers.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where pytest finds what the tests share


def main() -> int:
    """Soak; the figures as JSON; 0 if every promise was kept."""
    import psycopg
    from mixing import Mixture, mix
    from psycopg import conninfo
    from soaking import Figures, soak
    from workshop import Workshop

    from ingest.database.embedded import embedded_server
    from ingest.emulator import running

    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=120.0, help="stop after so long")
    parser.add_argument("--mixture", action="store_true", help="every command at once, in a database with others")
    options = parser.parse_args()

    def tell(figures: Figures | Mixture) -> None:
        print(  # noqa: T201 - this is the output
            f"{figures.seconds:,.0f} s: {figures.kills:,} kills, {figures.texts:,} texts, {figures.lost} lost, "
            f"{figures.billed_twice} billed twice, {figures.wrong_vectors} wrong",
            file=sys.stderr,
            flush=True,
        )

    with tempfile.TemporaryDirectory(prefix="ingest-soak-") as name:
        base = Path(name)
        base.chmod(0o711)
        (base / "files").mkdir()
        with (
            embedded_server(base / "postgresql", durable=False) as server_url,
            running(base / "emulator", seed=options.seed) as emulator,
        ):
            with psycopg.connect(server_url, autocommit=True) as connection:
                connection.execute("CREATE DATABASE soak")
            database_url = conninfo.make_conninfo(server_url, dbname="soak")
            workshop = Workshop(database_url, emulator, base / "files", base / "data")
            play = mix if options.mixture else soak
            figures = play(workshop, kills=options.kills, seed=options.seed, seconds=options.minutes * 60, tell=tell)
    print(json.dumps(asdict(figures), indent=1))  # noqa: T201 - the same
    return 0 if figures.promises_kept else 1


if __name__ == "__main__":
    sys.exit(main())
