"""Files at the provider: deleted once they are loaded, because they hold the corpus's text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.database.locks import try_batch_lock
from ingest.database.statements import statement
from ingest.failpoints import reach

if TYPE_CHECKING:
    from ingest.database.connection import Connection
    from ingest.provider import Provider


def clean(connection: Connection, corpus: str, provider: Provider) -> int:
    """Delete the remote files of every batch that is done; how many batches were cleaned.

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
            cleaned += 1
    return cleaned
