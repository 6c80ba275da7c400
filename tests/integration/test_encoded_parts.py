"""Pictures that stand in a text as letters are not paid for, in files, records and rows; a row's own text stays."""

from __future__ import annotations

import base64
import json
import random
from typing import TYPE_CHECKING

from filled_columns import ARTICLES, are_of, articles, change
from promises import CORPUS_FLAGS, check_promises

from ingest.sources.tables import Table

if TYPE_CHECKING:
    from workshop import Workshop

LETTERS = base64.b64encode(random.Random(1).randbytes(30_000)).decode()
PICTURE = f"![a chart](data:image/png;base64,{LETTERS})"


def test_of_files_and_records_the_words_are_paid_and_the_loss_is_told(workshop: Workshop) -> None:
    workshop.write("a.md", f"# Picture\n\nBefore.\n\n{PICTURE}\n\nAfter.\n")
    workshop.write("b.py", f'ICON = "{LETTERS}"\n')
    workshop.write("c.html", f'<p>Words <img alt="of a picture" src="data:image/png;base64,{LETTERS}"> and more.</p>')
    workshop.write("d.jsonl", json.dumps({"id": 1, "text": f"A record. {PICTURE}"}) + "\n")

    with workshop.pipeline(**CORPUS_FLAGS) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert report.sync.tokens_to_pay < 60
    assert report.sync.losses["parts_left_out"] == 3
    assert workshop.query("SELECT content FROM chunks WHERE content LIKE '%%chart%%' ORDER BY 1") == [
        ("# Picture\n\nBefore.\n\na chart\n\nAfter.\n",),
        ("A record. a chart",),
    ]
    check_promises(workshop)


def test_of_rows_too_and_a_row_with_its_own_vector_stays_as_it_is(workshop: Workshop) -> None:
    articles(workshop, 2)
    change(workshop, "UPDATE articles SET body = %s WHERE id = 1", f"About it. {PICTURE}")

    with workshop.pipeline() as pipeline:
        report = pipeline.run(ARTICLES)
        again = pipeline.run(ARTICLES)
    with workshop.pipeline(corpus="passages") as pipeline:
        passages = pipeline.estimate(Table("articles", text="body"))

    assert are_of(workshop, {1: "About it. a chart", 2: "About subject 2"})
    assert workshop.query("SELECT length(body) FROM public.articles WHERE id = 1") == [(len(f"About it. {PICTURE}"),)]
    assert report.sync.losses == {"parts_left_out": 1}
    assert (again.load.rows_filled, again.tokens) == (0, 0)
    assert passages.sync.tokens_to_pay < 20
