"""How well questions are answered, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from ingest.evaluation import BY_TOKENS, METRICS, Miss
from ingest.formatting import clean, counted, display_path, dollars
from ingest.terminal.parts import Row, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.evaluation import Difference, Evaluation, Measure, Outcome
    from ingest.terminal.parts import Part

_LISTED = 10  # of the misses
_BESIDE = ("recall@5", "whole@5", "MRR")


def evaluation_tables(found: Evaluation, *, verbose: bool) -> Iterator[Part]:
    """Metrics, differences, misses by their reasons, and the questions that were missed."""
    yield Text(
        f"{counted(len(found.asked), 'question')} asked of {counted(found.passages, 'passage')} "
        f"({clean(found.model)}){_let_come(found)}; of each figure the interval of 95 %"
    )
    yield Text()
    figures = {f">{way.name}": [_figure(way.measures[metric]) for metric in METRICS] for way in found.ways}
    yield table({"": list(METRICS), **figures})
    yield Text()
    yield from _differences(found.differences)
    yield Text()
    yield from _misses(found, verbose=verbose)
    if found.settings:
        yield Text()
        yield from _settings(found)


def _let_come(found: Evaluation) -> str:
    return f", {found.per_document:,} of a document at most" if found.per_document else ""


def _differences(differences: Sequence[Difference]) -> Iterator[Part]:
    for each in differences:
        yield Text(clean(each.words), style="" if each.verdict in {"better", "worse"} else "dim")


def _settings(found: Evaluation) -> Iterator[Part]:
    """What other settings find, beside the corpus as it is."""
    usual = found.ways[0]
    ways = [usual, *(setting.way for setting in found.settings)]
    yield table(
        {
            f"searched by {usual.name}": ["the corpus as it is", *(setting.name for setting in found.settings)],
            ">passages": [f"{found.passages:,}", *(f"{setting.passages:,}" for setting in found.settings)],
            f">{BY_TOKENS}": [_figure(way.measures[BY_TOKENS]) for way in ways],
            **{f">{metric}": [f"{way.measures[metric].mean:.3f}" for way in ways] for metric in _BESIDE},
            ">tokens": ["", *(f"{setting.tokens:,}" for setting in found.settings)],
            ">paid": ["", *(dollars(setting.dollars) for setting in found.settings)],
        }
    )
    yield Text()
    yield from _differences(found.compared)
    for setting in found.settings:
        if setting.corpus:
            yield Row("kept", f"{setting.name} as the corpus {setting.corpus}: ingest drop {setting.corpus}")


def _misses(found: Evaluation, *, verbose: bool) -> Iterator[Part]:
    reasons = [miss for miss in Miss if any(way.misses[miss] for way in found.ways)]
    if not reasons:
        yield Text("every answer is whole in the first five passages")
        return
    counts = {f">{way.name}": [str(way.misses[miss]) for miss in reasons] for way in found.ways}
    yield table({"not whole in the first five": [str(miss) for miss in reasons], **counts})
    usual = found.ways[0]
    missed = [(asked, came) for asked, came in zip(found.asked, usual.outcomes, strict=True) if came.miss]
    if not missed:
        return
    yield Text()
    yield Text(f"missed by {usual.name}", style="dim")
    for asked, came in missed if verbose else missed[:_LISTED]:
        where = f"  {clean(display_path(asked.uri))}" if asked.uri else ""
        yield Text.assemble(
            (f"line {asked.line}: ", "bold"), clean(asked.question), (f"  {_why(came)}", "yellow"), (where, "cyan")
        )
    if not verbose and len(missed) > _LISTED:
        yield Text(f"and {len(missed) - _LISTED:,} more: -v lists them", style="dim")


def _why(came: Outcome) -> str:
    """Why an answer was missed, with the rank where there is one."""
    if came.miss is Miss.RANKED:
        return f"whole with the first {came.whole}"
    at = f", first at rank {came.first}" if came.first and came.miss is not Miss.ABSENT else ""
    return f"{came.miss}{at}"


def _figure(measure: Measure) -> str:
    return f"{measure.mean:.3f} ({measure.low:.2f} to {measure.high:.2f})"
