"""Mode sync, killed between any two effects, then run again: all is embedded, and no more than a call is paid twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from preloaded import KILLED, outcome, start
from promises import CORPUS_FLAGS, check_promises, judge, write_corpus

if TYPE_CHECKING:
    from workshop import Workshop

TEXTS = 11
IN_A_CALL = 4  # those of a shard: they are few
FLAGS: dict[str, Any] = {**CORPUS_FLAGS, "max_batch_requests": IN_A_CALL, "mode": "sync"}
POINTS = [
    "shard-before-commit",
    "shard-after-commit",
    "answer-began",
    "answer-came",
    "answer-written",
    "answer-before-end",
    "answer-ended",
    "load-began",
    "load-after-slice",
    "load-before-commit",
    "load-after-commit",
    "load-file-removed",
]
PAID_TWICE = {"answer-came"}


@pytest.mark.parametrize("then", ["sync", "batch"])
@pytest.mark.parametrize("passage", [1, 2])
@pytest.mark.parametrize("point", POINTS)
def test_a_run_killed_at_any_point_is_finished_by_the_next(
    workshop: Workshop, point: str, passage: int, then: str
) -> None:
    write_corpus(workshop, TEXTS)
    flags = workshop.flags | FLAGS
    paths = [str(workshop.folder)]

    first = outcome(start("run", flags, paths, f"{point}:{passage}", quiet=True))
    second = outcome(start("run", flags | {"mode": then}, paths))

    assert (first, second) == (KILLED, 0)
    if point not in PAID_TWICE:
        check_promises(workshop)
        return
    rows = workshop.query("SELECT content, headings, context_headings, embedding FROM chunks ORDER BY id")
    bills = workshop.emulator.ledger()
    ledger = workshop.query("SELECT sum(estimated_tokens)::bigint, sum(billed_tokens)::bigint FROM ledger")
    assert judge(rows) == (0, 0)
    assert (bills["texts"], bills["distinct_texts"]) == (TEXTS + IN_A_CALL, TEXTS)
    assert ledger == [(TEXTS * 12, TEXTS * 12)]


def test_a_cancel_takes_back_what_a_killed_run_was_not_answered(workshop: Workshop) -> None:
    write_corpus(workshop, TEXTS)
    flags = workshop.flags | FLAGS
    paths = [str(workshop.folder)]

    killed = outcome(start("run", flags, paths, "answer-written:2", quiet=True))
    cancelled = outcome(start("cancel", flags, paths))

    assert (killed, cancelled) == (KILLED, 0)
    assert workshop.query("SELECT count(*) FROM requests WHERE batch_id IS NULL") == [(TEXTS - 2 * IN_A_CALL,)]
    assert outcome(start("run", flags, paths)) == 0
    check_promises(workshop)
