"""How well searches answer questions: what is asked, what answers it, how much of that comes, and why not. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.rooms import on_demand

if TYPE_CHECKING:
    from ingest.evaluation.drafts import Sampled, draft_questions
    from ingest.evaluation.findings import (
        BY_TOKENS,
        LEADING,
        METRICS,
        Asked,
        Difference,
        Evaluation,
        Measure,
        Setting,
        Way,
        difference,
        way,
    )
    from ingest.evaluation.metrics import TOKENS, Answer, Passage, Stretch, interval, is_relevant, scores, share
    from ingest.evaluation.outcomes import DEEPEST, SHOWN, Miss, Outcome, by_document, is_cut, outcome
    from ingest.evaluation.questions import Question, read_questions, shown, written
    from ingest.evaluation.texts import Text, laid, solid
else:
    __getattr__ = on_demand(__name__)

__all__ = [
    "BY_TOKENS",
    "DEEPEST",
    "LEADING",
    "METRICS",
    "SHOWN",
    "TOKENS",
    "Answer",
    "Asked",
    "Difference",
    "Evaluation",
    "Measure",
    "Miss",
    "Outcome",
    "Passage",
    "Question",
    "Sampled",
    "Setting",
    "Stretch",
    "Text",
    "Way",
    "by_document",
    "difference",
    "draft_questions",
    "interval",
    "is_cut",
    "is_relevant",
    "laid",
    "outcome",
    "read_questions",
    "scores",
    "share",
    "shown",
    "solid",
    "way",
    "written",
]
