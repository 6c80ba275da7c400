"""Files at the provider: deleted once they are loaded, because they hold the corpus's text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ingest.database.locks import try_batch_lock
from ingest.database.statements import statement
from ingest.failpoints import reach

if TYPE_CHECKING:
    from ingest.database.connection import Connection
    from ingest.provider import Provider


_OUR_FILE = re.compile(r"(ingest-[0-9a-f]{32})\.jsonl")


def clean(connection: Connection, corpus: str, provider: Provider) -> int:
    """Delete the remote files of every batch that is done; how many files.

    A file is deleted before that is noted: after a stop it is deleted once more, which is no error.
    """
    cleaned = 0
    rows = connection.execute(statement("list_uncleaned_batches"), {"endpoint": provider.endpoint}).fetchall()
    for batch_id, file_ids in rows:
        with try_batch_lock(connection, corpus, batch_id) as held:
            if not held:
                continue
            reach("clean-before-delete")
            for file_id in file_ids:
                provider.delete_file(file_id)
            reach("clean-after-delete")
            connection.execute(statement("note_cleaned"), {"id": batch_id})
            reach("clean-after-commit")
            cleaned += len(file_ids)
    return cleaned


def clean_left_over(connection: Connection, provider: Provider) -> int:
    """Delete input files that no batch knows of: their upload's answer was lost, and they were sent again; how many.

    A file is known by the key in its name. Only those of batches of this corpus that are done are deleted: other
    corpora and other people may share the account.
    """
    files: dict[str, list[str]] = {}
    for file_id, filename in provider.input_files():
        if match := _OUR_FILE.fullmatch(filename):
            files.setdefault(match[1], []).append(file_id)
    done = connection.execute(statement("find_done_keys"), {"endpoint": provider.endpoint, "keys": list(files)})
    left_over = [file_id for (key,) in done for file_id in files[key]]
    for file_id in left_over:
        provider.delete_file(file_id)
    return len(left_over)
