"""Two versions of a corpus, swapped and rolled back between edits, runs and kills, in any order: there is one truth."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from preloaded import KILLED, outcome, start
from promises import check_corpora
from reembeddings import NEW, passages_of, text

from ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Workshop

    from ingest import Pipeline

OLD = {"model": "text-embedding-3-small", "dimensions": 64, "vector_type": "vector"}
NAMES = st.sampled_from(["a.md", "b.md", "c.md", "d.md"])
# Few, so that the same text stands in several documents, goes and comes back.
SUBJECTS = st.sampled_from(["ants", "bees", "cats", "dogs", "eels"])
POINTS = st.sampled_from(
    ["after-create", "after-finished", "load-before-commit", "swap-before-commit", "swap-after-commit"]
)


def machine(workshop: Workshop) -> type[RuleBasedStateMachine]:
    """Its rules, on a workshop."""
    shared: dict[str, Any] = {"chunk_tokens": 64, "poll_seconds": 0.05, "max_batch_requests": 3}
    paths = [str(workshop.folder)]

    class Versions(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            with psycopg.connect(workshop.database_url) as connection:
                for schema in ("corpus", "corpus__next", "corpus__old"):
                    connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE".encode())
            for path in workshop.folder.iterdir():
                path.unlink()
            workshop.write("kept.md", text("what is always there"))
            self._do(lambda pipeline: pipeline.run(paths), OLD)

        @rule(name=NAMES, subject=SUBJECTS, sentences=st.integers(1, 9))
        def write(self, name: str, subject: str, sentences: int) -> None:
            workshop.write(name, text(subject, sentences))

        @rule(name=NAMES)
        def delete(self, name: str) -> None:
            (workshop.folder / name).unlink(missing_ok=True)

        @rule(old=NAMES, new=NAMES)
        def rename(self, old: str, new: str) -> None:
            if (workshop.folder / old).exists():
                (workshop.folder / old).rename(workshop.folder / new)

        @rule()
        def run(self) -> None:
            self._do(lambda pipeline: pipeline.run(paths), self._used())
            assert passages_of(workshop) == {path.name: path.read_text() for path in workshop.folder.iterdir()}

        @rule()
        def leave_on_its_way(self) -> None:
            self._do(lambda pipeline: (pipeline.sync(paths), pipeline.submit()), self._used())

        @rule()
        def reembed(self) -> None:
            with suppress(UsageError):  # an older version stands there
                self._do(lambda pipeline: pipeline.reembed(), self._other())

        @rule(point=POINTS)
        def be_killed(self, point: str) -> None:
            flags = workshop.flags | shared | self._other()
            assert outcome(start("reembed", flags, [], point, quiet=True)) in (KILLED, 0, 2)

        @rule()
        def roll_back(self) -> None:
            with suppress(UsageError):  # there is none
                self._do(lambda pipeline: pipeline.roll_back())

        @rule(discard=st.booleans())
        def finish(self, discard: bool) -> None:
            with suppress(UsageError):  # there is none
                self._do(lambda pipeline: pipeline.finish(discard=discard))

        @invariant()
        def both_versions_are_whole(self) -> None:
            check_corpora(workshop.database_url)

        def teardown(self) -> None:
            self.run()
            self.finish(discard=False)
            self.reembed()
            self.run()
            assert workshop.query("SELECT count(*) FROM requests") == [(0,)]

        def _used(self) -> dict[str, Any]:
            return OLD if workshop.query("SELECT model FROM corpus") == [(OLD["model"],)] else NEW

        def _other(self) -> dict[str, Any]:
            return NEW if self._used() is OLD else OLD

        def _do(self, verb: Callable[[Pipeline], object], flags: dict[str, Any] = OLD) -> None:
            with workshop.pipeline(**(shared | flags)) as pipeline:
                verb(pipeline)

    return Versions


def test_versions_are_whole_and_the_one_in_use_is_what_the_files_say(workshop: Workshop) -> None:
    run_state_machine_as_test(
        machine(workshop),
        settings=settings(
            max_examples=4,
            stateful_step_count=12,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
