"""Files at the provider: deleted once they are loaded, because they hold the corpus's text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ingest.database.identity import this_database
from ingest.database.locks import try_batch_lock
from ingest.database.statements import statement
from ingest.errors import UnreachableError
from ingest.failpoints import reach

if TYPE_CHECKING:
    from ingest.database.connection import Connection
    from ingest.database.identity import SentFrom
    from ingest.provider import Provider


_OUR_FILE = re.compile(r"(ingest-[0-9a-f]{32})\.jsonl")


def uncleaned_elsewhere(connection: Connection, provider: Provider) -> list[SentFrom]:
    """Where the batches that are done were sent from whose files are not this database's to delete."""
    rows = connection.execute(statement("list_uncleaned_batches"), {"endpoint": provider.endpoint}).fetchall()
    return [sent_from for _, _, sent_from in rows if not this_database(connection).is_same(sent_from)]


def clean(connection: Connection, corpus: str, provider: Provider, *, foreign: bool = False) -> int:
    """Delete the remote files of every batch that is done; how many files.

    `foreign`: of those as well that were sent from another database. A file is deleted before that is noted: after a
    stop it is deleted once more, which is no error.
    """
    cleaned = 0
    rows = connection.execute(statement("list_uncleaned_batches"), {"endpoint": provider.endpoint}).fetchall()
    for batch_id, file_ids, sent_from in rows:
        if not foreign and not this_database(connection).is_same(sent_from):
            continue
        with try_batch_lock(connection, corpus, batch_id) as held:
            if not held:
                continue
            reach("clean-before-delete")
            try:
                for file_id in file_ids:
                    provider.delete_file(file_id)
            except UnreachableError:  # of this one, or of all
                provider.check()
                continue  # it stays to be cleaned
            reach("clean-after-delete")
            connection.execute(statement("note_cleaned"), {"id": batch_id})
            reach("clean-after-commit")
            cleaned += len(file_ids)
    return cleaned + _clean_duplicates(connection, provider, foreign=foreign)


def _clean_duplicates(connection: Connection, provider: Provider, *, foreign: bool) -> int:
    """The same for the batches that were created beside ours."""
    cleaned = 0
    rows = connection.execute(statement("list_uncleaned_duplicates"), {"endpoint": provider.endpoint}).fetchall()
    for provider_batch_id, file_ids, sent_from in rows:
        if foreign or this_database(connection).is_same(sent_from):
            for file_id in file_ids:
                provider.delete_file(file_id)
            connection.execute(statement("note_duplicate_cleaned"), {"provider_batch_id": provider_batch_id})
            cleaned += len(file_ids)
    return cleaned


def clean_left_over(connection: Connection, provider: Provider, *, foreign: bool = False) -> int:
    """Delete input files that no batch knows of: their upload's answer was lost, and they were sent again; how many.

    A file is known by the key in its name. Only those of batches of this corpus that are done are deleted: other
    corpora and other people may share the account.
    """
    files: dict[str, list[str]] = {}
    for file_id, filename in provider.input_files():
        if match := _OUR_FILE.fullmatch(filename):
            files.setdefault(match[1], []).append(file_id)
    done = connection.execute(statement("find_done_keys"), {"endpoint": provider.endpoint, "keys": list(files)})
    ours = [key for key, sent_from in done if foreign or this_database(connection).is_same(sent_from)]
    left_over = [file_id for key in ours for file_id in files[key]]
    for file_id in left_over:
        provider.delete_file(file_id)
    return len(left_over)
