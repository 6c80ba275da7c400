"""What a command's exit status says."""

from __future__ import annotations

import inspect
import re

from docs.making.markdown import table
from ingest import cli, errors

AFTERWARDS = """\
What went wrong is one line on standard error, which says what to do next. What was done is kept, and after 3, 4 and 130
the same command goes on from there. The classes are in `ingest`, below `IngestError`."""


def exit_statuses() -> str:
    """What a command's exit status says."""
    classes = {
        each.exit_status: each
        for each in vars(errors).values()
        if inspect.isclass(each) and issubclass(each, errors.IngestError) and each is not errors.IngestError
    }
    epilog = cli.app.info.epilog or ""
    found = re.findall(r"(\d+) ([^,.]+)[,.]", epilog.partition(":")[2])
    rows = []
    for status, words in found:
        error = classes.get(int(status))
        more = re.sub(r" ?Exit status \d+\.", "", inspect.getdoc(error) or "") if error else ""
        rows.append((f"`{status}`", words, more, f"`{error.__name__}`" if error else ""))
    return "\n\n".join(
        [
            "# Exit statuses",
            table(("status", "meaning", "more", "from Python"), rows),
            AFTERWARDS,
        ]
    )
