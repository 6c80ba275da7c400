"""Kills at random moments, under several faults at once, over a corpus that keeps changing."""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from preloaded import KILLED, outcome, start
from promises import CORPUS_FLAGS, judge

from ingest.emulator import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from workshop import Workshop

FLAGS = {
    **CORPUS_FLAGS,
    "clean": True,
    "max_attempts": 50,
    "list_lag_seconds": 0.4,
    "database_wait_seconds": 5,
}
DOCUMENTS = 24  # six shards
_LONGEST_LIFE_S = 0.9  # a run without faults takes about as long
_RUNS_IN_PEACE = 40  # after so many kills of one corpus it may finish

# Faults of which three to six are played at a time. They keep within the grace that the settings above give.
FAULTS = (
    Fault("drop_before_upload", rate=0.2),
    Fault("drop_after_upload", rate=0.2),
    Fault("http_500_after_upload", rate=0.2),
    Fault("drop_before_create", rate=0.2),
    Fault("drop_after_create", rate=0.3),
    Fault("http_500_after_create", rate=0.3),
    Fault("http_429_create", rate=0.2, seconds=0.1),
    Fault("lagging_lists", rate=0.5, seconds=0.3),
    Fault("read_after_write_404", rate=0.3, seconds=0.3),
    Fault("lost_lines", rate=0.1),
    Fault("duplicated_lines", rate=0.2),
    Fault("foreign_lines", rate=0.2),
    Fault("stringified_body", rate=0.5),
    Fault("wrong_dimensions", rate=0.1),
    Fault("nan", rate=0.1),
    Fault("status_0", rate=0.1),
    Fault("truncated_output_line", rate=0.1),
    Fault("non_json_line", rate=0.1),
    Fault("error_per_request_429", rate=0.1),
    Fault("error_per_request_500", rate=0.1),
    Fault("shuffled", rate=0.5),
    Fault("no_trailing_newline", rate=0.5),
    Fault("zero_byte_error_file", rate=0.5),
    Fault("null_file_ids", rate=0.2),
    Fault("empty_file_ids", rate=0.2),
    Fault("expired_partial", rate=0.2),
    Fault("cancelled_partial", rate=0.2),
    Fault("token_limit", rate=0.2),
    Fault("unknown_status", rate=0.3, seconds=0.2),
    Fault("late_file_ids", rate=0.3, seconds=0.3),
    Fault("late_output_file", rate=0.3, seconds=0.3),
    Fault("empty_output_file", rate=0.3, seconds=0.3),
    Fault("backward_status", rate=0.3),
    Fault("falling_counts", rate=0.3),
    Fault("error_per_request_no_credit", rate=0.1),
    Fault("no_credit_batch", rate=0.1),
    Fault("truncated_download", rate=0.2),
    Fault("cut_download", rate=0.2),
)


@dataclass(slots=True)
class Figures:
    """What a soak did, and what it found."""

    seed: int
    kills: int = 0
    runs_to_the_end: int = 0
    runs_stopped: int = 0
    corpora: int = 0
    texts: int = 0
    lost: int = 0
    billed_twice: int = 0
    wrong_vectors: int = 0
    failed: int = 0
    seconds: float = 0.0
    faults_fired: dict[str, int] = field(default_factory=dict)

    @property
    def promises_kept(self) -> bool:
        """Whether nothing was lost, paid twice, or put on a wrong text."""
        return not (self.lost or self.billed_twice or self.wrong_vectors or self.failed)


def soak(
    workshop: Workshop,
    *,
    kills: int,
    seed: int,
    seconds: float = math.inf,
    tell: Callable[[Figures], None] = lambda _: None,
) -> Figures:
    """Kill runs until there were so many kills, or the time is over; then let the last one finish, and look."""
    dice = random.Random(seed)
    figures = Figures(seed)
    began_s = time.monotonic()

    def goes_on() -> bool:
        figures.seconds = round(time.monotonic() - began_s, 1)
        return figures.kills < kills and figures.seconds < seconds

    while goes_on():
        figures.corpora += 1
        _change(workshop, dice, figures.corpora)
        workshop.emulator.set_faults(*dice.sample(FAULTS, dice.randint(3, 6)))
        killed = 0
        while goes_on() and killed < _RUNS_IN_PEACE and _run(workshop, dice, figures) == KILLED:
            killed += 1
        while _run(workshop, None, figures) == 3:
            pass
        if _unread(workshop):
            _run(workshop, None, figures, "retry")
            while _run(workshop, None, figures) == 3:
                pass
        for name, count in workshop.emulator.fired().items():
            figures.faults_fired[name] = figures.faults_fired.get(name, 0) + count
        _look(workshop, figures)
        tell(figures)
        if not figures.promises_kept:
            break
    goes_on()
    return figures


def _change(workshop: Workshop, dice: random.Random, generation: int) -> None:
    """Half of the documents are written anew: no text ever comes back."""
    for number in range(DOCUMENTS):
        if generation == 1 or dice.random() < 0.5:
            workshop.write(f"{number}.txt", f"This is document {number} in its version {generation}.")


def _unread(workshop: Workshop) -> bool:
    """Whether a batch of few lines had none that can be read: it may have been billed, so that is left to a person."""
    words = "no result of this batch stands in%"
    return bool(workshop.query("SELECT FROM requests WHERE failed AND error_message LIKE %s", words))


def _run(workshop: Workshop, dice: random.Random | None, figures: Figures, verb: str = "run") -> int:
    process = start(verb, workshop.flags | FLAGS, [str(workshop.folder)], quiet=dice is not None)
    if dice is not None:
        process.join(dice.uniform(0.02, _LONGEST_LIFE_S))
        process.kill()
    status = outcome(process)
    process.close()
    figures.kills += status == KILLED
    figures.runs_to_the_end += status in (0, 1)
    figures.runs_stopped += status not in (0, 1, KILLED)
    return status


def _look(workshop: Workshop, figures: Figures) -> None:
    rows = workshop.query("SELECT content, headings, context_headings, embedding FROM chunks ORDER BY id")
    wrong, missing = judge(rows)
    ledger = workshop.emulator.ledger()
    ((failed,),) = workshop.query("SELECT count(*) FROM requests WHERE failed")
    figures.texts = ledger["distinct_texts"]
    figures.wrong_vectors += wrong
    figures.lost += missing - failed
    figures.failed += failed
    figures.billed_twice = ledger["texts"] - ledger["distinct_texts"]
