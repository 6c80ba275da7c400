"""Commands, kills, edits and faults in any order that Hypothesis thinks of; in the end, all is well."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import psycopg
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from preloaded import KILLED, outcome, start
from promises import CORPUS_FLAGS, judge
from soaking import FAULTS

from ingest.failpoints import POINTS

if TYPE_CHECKING:
    from workshop import Workshop

    from ingest.emulator import Fault

FLAGS = {**CORPUS_FLAGS, "clean": True, "max_attempts": 50, "list_lag_seconds": 0.4, "stuck_hours": 0}
DOCUMENTS = 6
_versions = count()  # no text ever comes back


def machine(workshop: Workshop) -> type[RuleBasedStateMachine]:
    """Its rules, on a workshop."""
    flags = workshop.flags | FLAGS
    paths = [str(workshop.folder)]

    class AnyOrder(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            with psycopg.connect(workshop.database_url) as connection:
                connection.execute("DROP SCHEMA IF EXISTS corpus CASCADE")
            workshop.emulator.set_faults()
            for number in range(DOCUMENTS):
                self._write(number)
            self._do("sync")

        @rule(number=st.integers(0, DOCUMENTS - 1))
        def edit(self, number: int) -> None:
            self._write(number)
            self._do("sync")

        @rule()
        def submit(self) -> None:
            self._do("submit")

        @rule()
        def load(self) -> None:
            self._do("load")

        @rule()
        def clean(self) -> None:
            self._do("clean")

        @rule(point=st.sampled_from(POINTS), verb=st.sampled_from(["run", "submit", "load", "cancel"]))
        def be_killed(self, point: str, verb: str) -> None:
            assert outcome(start(verb, flags, paths, point, quiet=True)) in (KILLED, 0, 3)

        @rule(some=st.lists(st.sampled_from(FAULTS), max_size=3, unique_by=lambda fault: fault.name))
        def play(self, some: list[Fault]) -> None:
            workshop.emulator.set_faults(*some)

        @rule()
        def two_at_once(self) -> None:
            both = [start(verb, flags, paths, quiet=True) for verb in ("submit", "load")]
            assert {outcome(process) for process in both} <= {0, 3}

        @invariant()
        def no_vector_is_wrong_and_no_text_paid_twice(self) -> None:
            wrong, _ = judge(self._rows())
            assert wrong == 0
            assert workshop.emulator.ledger()["billed_more_than_once"] == []

        def teardown(self) -> None:
            workshop.emulator.set_faults()
            self._do("run")
            assert judge(self._rows()) == (0, 0)
            assert workshop.emulator.ledger()["billed_more_than_once"] == []
            assert workshop.query("SELECT count(*) FROM requests") == [(0,)]

        def _write(self, number: int) -> None:
            workshop.write(f"{number}.txt", f"Document {number} says this, in version {next(_versions)} of it.")

        def _do(self, verb: str) -> None:
            while outcome(start(verb, flags, paths, quiet=True)) != 0:
                pass

        def _rows(self) -> list[tuple[object, ...]]:
            return workshop.query("SELECT content, headings, context_headings, embedding FROM chunks ORDER BY id")

    return AnyOrder


def test_whatever_happens_in_whatever_order_all_is_well_in_the_end(workshop: Workshop) -> None:
    run_state_machine_as_test(
        machine(workshop),
        settings=settings(
            max_examples=4,
            stateful_step_count=6,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
