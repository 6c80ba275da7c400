"""What a command's exit status says."""

from __future__ import annotations

import inspect
import re

from docs.making.markdown import table
from ingest import cli, errors

AFTERWARDS = """\
What went wrong is one line on standard error, which says what to do next; with `--json` it is on standard output, too:
`{"time": "2026-11-21T02:30:12+00:00", "command": "run", "corpus": "docs", "status": 3, "error": "…", "next": "…"}`.
The object of a command that ends well begins with the same four, and holds its result; `next` is the command to give
next, or null. `status` is null where a server of ours goes on (`ingest webhook`).

What was done is kept, and after 3, 4 and 130 the same command goes on from there.
With 1 all else is done, and what was not is listed: texts that the provider did not take; files, records and rows that
could not be read, or that PostgreSQL refuses (`skipped`, with the reason; what stood there before stays); rows over the
model's limit; rows of yours that do not take their vector. So end `run`, `sync`, `load`, `cancel` and `reembed`, and
`status` where something has failed before, and `doctor` where a corpus is not whole. What is passed over by rule is no
failure: hidden, binary and ignored files, documents without text, and what goes while it is read.

With 70 the line names a report, a file that you alone can read in the folder `crashes` of `data_dir`: what the fault
was and where in our code, the versions, and the command with the names of its options. Send it to the makers: no text,
key or address stands in it. The classes are in `ingest`, below `IngestError`."""


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
