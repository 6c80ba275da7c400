"""The verbs of Pipeline, and what they give back."""

from __future__ import annotations

import ast
import inspect
import re
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from docs.making.markdown import block, string
from ingest.batches import Batch, Costs, Entry, Forecast, LoadReport, Shard
from ingest.batches.ledger import DocumentCost
from ingest.corpus import Estimate, Passage, SyncReport
from ingest.evaluation import Asked, Difference, Evaluation, Measure, Outcome, Setting, Way
from ingest.pipeline import Pipeline
from ingest.reporting import BatchStatus, Failure, FailureGroup, RunReport, Status
from ingest.searcher import AsyncSearcher, Searcher
from ingest.sources.files import Files
from ingest.sources.records import Fields
from ingest.sources.source import Skipped
from ingest.sources.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


SOURCES = (Files, Fields, Table)
RESULTS = (
    RunReport, SyncReport, LoadReport, Estimate, Passage, Status, BatchStatus, FailureGroup, Failure,
    Forecast, Skipped, Costs, Entry, DocumentCost, Batch, Shard,
    Evaluation, Way, Measure, Difference, Asked, Outcome, Setting,
)  # fmt: skip


INTRODUCTION = """\
# Python

```python
from ingest import Pipeline, Settings

with Pipeline(Settings(corpus="docs")) as pipeline:
    report = pipeline.run(["docs/"])
    print(report.embedded, "passages can be searched")
```

A `Pipeline` is a corpus and the provider that embeds it; servers that it starts stop with it.
[Settings](settings.md) are given by keywords, else read from the environment; `load_settings({"corpus": "docs"})` of
`ingest.settings` reads `ingest.toml` too. What goes wrong is an `IngestError`, of one class for each
[exit status](exit-statuses.md).

`source` is a list of paths, as on the command line, or one of the [sources](#sources). `approve` is called with the
tokens and the US dollars that are about to be spent, and returns whether they may be; without it they may."""


def python() -> str:
    """The verbs of Pipeline, and what they give back."""
    parts = [
        INTRODUCTION,
        "## The verbs of Pipeline",
        *_verbs(Pipeline, "pipeline"),
        "## Search in an application",
        f"`Searcher`: {_prose(Searcher)}",
        *_verbs(Searcher, "searcher"),
        f"`AsyncSearcher`: {_prose(AsyncSearcher)}",
        "## Sources",
        "From `ingest.sources.files`, `ingest.sources.records` and `ingest.sources.tables`.",
        *(_class(each) for each in SOURCES),
        "## Results",
        "What the verbs give back. `--json` prints them as an object of these fields.",
        *(_class(each) for each in RESULTS),
    ]
    return "\n\n".join(parts)


def _verbs(kind: type, instance: str) -> Iterator[str]:
    for name, verb in vars(kind).items():
        if inspect.isfunction(verb) and not name.startswith("_") and not hasattr(verb, "__wrapped__"):
            yield from (f"### {name}", block("python", _signature(f"{instance}.{name}", verb)), _prose(verb))


def _signature(name: str, verb: Callable[..., Any]) -> str:
    signature = inspect.signature(verb)
    parameters = [each for each in signature.parameters.values() if each.name != "self"]
    shown = str(signature.replace(parameters=parameters)).replace("'", "")
    return f"{name}{shown}"


def _prose(documented: object) -> str:
    """A docstring as Markdown; what may be raised as a list."""
    text, _, raised = (inspect.getdoc(documented) or "").partition("\nRaises:\n")
    items = re.findall(r"(\w+): (.+)", dedent(raised))
    listed = "\n".join(f"- raises `{name}`: {when}" for name, when in items)
    return "\n\n".join(part for part in (text.strip(), listed) if part)


def _class(shown: type) -> str:
    """A dataclass: its fields as code, with what is said of them."""
    [node] = [each for each in ast.parse(dedent(inspect.getsource(shown))).body if isinstance(each, ast.ClassDef)]
    fields = []
    for each, after in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(each, ast.AnnAssign):
            said = string(after)
            fields += [f"# {said}"] if said else []
            default = each.value
            value = (
                ""
                if default is None or isinstance(default, ast.Call | ast.Name)
                else f" = {ast.unparse(default)}".replace("'", '"')
            )
            fields.append(f"{ast.unparse(each.target)}: {ast.unparse(each.annotation)}{value}")
    return "\n\n".join([f"### {shown.__name__}", _prose(shown), block("python", "\n".join(fields))])
