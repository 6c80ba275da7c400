"""Whether money may be spent, and batches of others touched: as flags say, else as a person does."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.pipeline import Pipeline
    from ingest.terminal.screen import Screen


def approval(
    pipeline: "Pipeline", screen: "Screen", *, yes: bool, max_cost: float | None, above: float | None = None
) -> Callable[[int, float], bool]:
    """Whether tokens for so many dollars may be spent: as the flags say, else as a person does.

    `above`: of how many dollars that person is asked; None: as the settings say.
    """
    least = pipeline.settings.ask_above_dollars if above is None else above
    ask_for_others(pipeline, screen, yes=yes)
    asked = screen.asked  # a run asks for each of its rounds and corpora; the limits are those of all together

    def approve(tokens: int, dollars: float) -> bool:
        from ingest.formatting import about

        if dollars:
            screen.say(f"{tokens:,} tokens to embed: {about(dollars)}")
        asked.spent += dollars
        asked.unasked += dollars
        if max_cost is not None:
            return asked.spent <= max_cost
        if yes or asked.unasked <= least:
            return True
        asked.unasked = 0.0
        return screen.confirm(f"Spend {about(dollars)}?")

    return approve


def ask_for_others(pipeline: "Pipeline", screen: "Screen", *, yes: bool) -> None:
    """Batches that were sent from another database are touched where the flag says so, else where a person does."""

    def permit(why: str) -> bool:
        if yes:
            screen.say(f"{why} Yes: --yes")
        return yes or screen.confirm(why)

    pipeline.permit = permit
