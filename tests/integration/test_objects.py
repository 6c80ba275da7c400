"""Object storage, on a real S3 server of this machine: as folders of files are, with what else can go wrong there."""

from __future__ import annotations

import gc
import logging
import pickle
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from ingest.errors import IngestError, UnreachableError, UsageError
from ingest.sources import objects
from ingest.sources.files import Files
from ingest.sources.objects import StoredObject
from ingest.sources.source import Skipped, Unchanged, WholeFile
from ingest.sources.text import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from workshop import Workshop

    Put = Callable[[str, bytes | None], None]

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed: pip install 'pgvector-ingest[objects]'")
s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'pgvector-ingest[objects]'")
moto_server = pytest.importorskip("moto.server", reason="moto[server] is not installed")

MAX_BYTES = 1_000


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """An S3 server."""
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Put]:
    """The bucket `bucket`, empty: a function puts an object into it, or takes it out."""
    settings = {"ENDPOINT_URL": address, "ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "REGION": "us-east-1"}
    for name, value in settings.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    _forget()
    storage = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
    storage.mkdir("bucket")

    def put(key: str, content: bytes | None) -> None:
        if content is None:
            storage.rm_file(f"bucket/{key}")
        else:
            storage.pipe_file(f"bucket/{key}", content)

    yield put
    storage.rm("bucket", recursive=True)
    _forget()


def _forget() -> None:
    """Let the next storage be opened by the environment as it then is."""
    objects._storage.cache_clear()
    s3fs.S3FileSystem.clear_instance_cache()


def taken(*given: str) -> dict[str, str]:
    """What stands in the objects, or why one was passed over, by URL."""
    found = {}
    for item in Files(given).items():
        if isinstance(item, Skipped):
            found[item.name] = f"skipped: {item.reason}"
            continue
        assert not isinstance(item, Unchanged | WholeFile)
        try:
            found[item.name] = item.read(MAX_BYTES).text
        except UnreadableError as error:
            found[item.name] = f"unreadable: {error}"
    return found


def looked_at(url: str) -> StoredObject:
    (found,) = (item for item in Files([url]).items() if isinstance(item, StoredObject))
    return found


def test_records_of_an_object_are_documents_and_what_is_no_text_is_made_markdown(bucket: Put) -> None:
    bucket("docs/page.html", b"<html><body><h1>Title</h1><p>words</p></body></html>")
    bucket("docs/records.jsonl", b'{"id": "a", "text": "one"}\n{"id": "b", "text": "two"}\n')

    assert taken("s3://bucket/docs") == {
        "s3://bucket/docs/page.html": "# Title\n\nwords\n",
        "s3://bucket/docs/records.jsonl a": "one",
        "s3://bucket/docs/records.jsonl b": "two",
    }


def test_all_below_a_prefix_is_taken_whatever_its_name(bucket: Put) -> None:
    bucket("docs/a.md", b"# Title\n\nwords")
    bucket("docs/b c%20#?&[1].md", b"odd")
    bucket("docs/deep/er/日本.md", "日本".encode())
    bucket("docs/empty.md", b"")
    bucket("docs/folder/", b"")  # as the console makes one
    bucket("docs/binary", b"\0\1")
    bucket("docs/large.md", b"x" * (MAX_BYTES + 1))
    bucket("docs/.git/config", b"hidden")
    bucket("docs//nameless.md", b"lost")
    bucket("docs.md", b"beside")

    found = taken("s3://bucket/docs")

    assert found == {
        "s3://bucket/docs//": "skipped: a key with an empty part, which is no path",
        "s3://bucket/docs/.git": "skipped: hidden",
        "s3://bucket/docs/a.md": "# Title\n\nwords",
        "s3://bucket/docs/b c%20#?&[1].md": "odd",
        "s3://bucket/docs/binary": "unreadable: binary",
        "s3://bucket/docs/deep/er/日本.md": "日本",
        "s3://bucket/docs/empty.md": "",
        "s3://bucket/docs/large.md": "unreadable: 1,001 bytes, over max_document_bytes (1,000)",
    }
    assert list(found)[1:] == sorted(list(found)[1:])
    assert taken("s3://bucket/docs/") == found
    assert taken("s3://bucket/docs/b c%20#?&[1].md") == {"s3://bucket/docs/b c%20#?&[1].md": "odd"}
    assert taken("s3://bucket").keys() == {*found, "s3://bucket/docs.md"}


def test_globs_are_those_of_files(bucket: Put) -> None:
    for key in ("a.md", "a.txt", "deep/b.md", "deep/er/c.md"):
        bucket(f"docs/{key}", b"words")

    assert taken("s3://bucket/docs/*.md").keys() == {"s3://bucket/docs/a.md"}
    assert taken("s3://bucket/*/*/b.md").keys() == {"s3://bucket/docs/deep/b.md"}
    assert taken("s3://bucket/**/*.md").keys() == {
        f"s3://bucket/docs/{key}" for key in ("a.md", "deep/b.md", "deep/er/c.md")
    }
    with pytest.raises(UsageError, match="nothing matches s3://bucket/docs/x"):
        taken("s3://bucket/docs/x*")


def test_an_object_is_read_anywhere_and_as_it_is_then(bucket: Put, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bucket("a.md", b"words")
    found = pickle.loads(pickle.dumps(looked_at("s3://bucket/a.md")))
    document = found.read(MAX_BYTES)

    bucket("a.md", b"x" * 5_000_000)
    with pytest.raises(UnreadableError, match=r"grew over max_document_bytes \(1,000\)"):
        found.read(MAX_BYTES)
    answers = [line.rpartition('" ')[2] for line in caplog.messages if "GET /bucket/a.md" in line]
    bucket("a.md", None)
    with pytest.raises(UnreadableError, match="No such file or directory"):
        found.read(MAX_BYTES)

    assert answers == ["206 -", "206 -"]  # only the part that was asked for
    assert (document.uri, document.title, document.text) == ("s3://bucket/a.md", "a", "words")
    assert document.metadata == {"path": "s3://bucket/a.md", "bytes": 5}


def test_only_what_changed_is_read_again_and_what_is_gone_goes(bucket: Put, workshop: Workshop) -> None:
    for key in ("same.md", "edited.md", "gone.md"):
        bucket(f"docs/{key}", key.encode())
    with workshop.pipeline() as pipeline:
        first = pipeline.sync(["s3://bucket/docs"])
    bucket("docs/same.md", b"same.md")  # put there again
    bucket("docs/edited.md", b"EDITED.md")
    bucket("docs/gone.md", None)

    with workshop.pipeline(max_document_bytes=1) as pipeline:  # nothing can be read
        unread = pipeline.sync(["s3://bucket/docs"])
    with workshop.pipeline() as pipeline:
        second = pipeline.sync(["s3://bucket/docs"])

    assert first.documents_new == 3
    assert [skipped.name for skipped in unread.skipped] == ["s3://bucket/docs/edited.md"]
    assert (unread.documents_unchanged, unread.documents_gone) == (1, 1)
    assert (second.documents_unchanged, second.documents_changed) == (1, 1)
    assert workshop.query("SELECT uri, source FROM documents ORDER BY uri") == [
        ("s3://bucket/docs/edited.md", "s3://bucket/docs"),
        ("s3://bucket/docs/same.md", "s3://bucket/docs"),
    ]


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ("s3://nobucket/docs", UsageError, "no such object or prefix: s3://nobucket/docs"),
        ("s3://bucket/docs/none.md", UsageError, "no such object or prefix"),
        ("s3://*/a.md", UsageError, "names no bucket"),
        ("nope://bucket/a.md", UsageError, "nope:// is not a storage that fsspec knows"),
        ("file://elsewhere/a.md", UsageError, "names the machine elsewhere"),
        ("ftp://host/a.md", UsageError, "needs more than a URL can tell"),
        ("github://org:repo@main/a.md", UsageError, "password"),
        ("reference://a", UsageError, "needs more than a URL can tell"),
        ("dir://a", UsageError, "needs more than a URL can tell"),
    ],
)
def test_what_is_not_there_is_named(bucket: Put, given: str, kind: type[IngestError], words: str) -> None:
    bucket("docs/a.md", b"words")

    with pytest.raises(kind, match=words):
        taken(given)


def test_a_storage_without_credentials_or_out_of_reach_ends_the_run(
    bucket: Put, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bucket("a.md", b"words")
    found = looked_at("s3://bucket/a.md")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    _forget()
    with pytest.raises(UnreachableError, match=r"s3://bucket/a.md is out of reach, or refuses us: Could not connect"):
        found.read(MAX_BYTES)

    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    _forget()
    with pytest.raises(UnreachableError, match="Unable to locate credentials"):
        taken("s3://bucket")


def test_a_storage_without_its_client_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adlfs", None)

    with pytest.raises(UsageError, match=r"pip install 'pgvector-ingest\[objects\]'"):
        taken("abfs://container/a.md")


def test_a_storage_that_cannot_be_made_leaves_no_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    """FTP's, half made, fails again where it is taken down, and Python prints that."""
    with pytest.raises(UsageError, match="FSSPEC_FTP_…"):
        taken("ftp://host/a.md")
    gc.collect()

    assert "".join(capfd.readouterr()) == ""


def test_without_etags_the_time_decides_once_it_is_old_enough() -> None:
    storage = fsspec.filesystem("memory")
    storage.pipe_file("/time/a.md", b"words")
    young = looked_at("memory://time/a.md")
    storage.store["/time/a.md"].created -= timedelta(minutes=1)
    old = looked_at("memory://time/a.md")

    assert young.read(MAX_BYTES).text == "words"
    assert young.version is None
    assert old.version


def test_a_file_url_is_the_path_itself(workshop: Workshop) -> None:
    path = workshop.write("a b.md", "words")
    urls = (str(workshop.folder), workshop.folder.as_uri(), f"file://localhost{workshop.folder}")
    with workshop.pipeline() as pipeline:
        reports = [pipeline.sync([url]) for url in urls]

    assert [(report.documents_new, report.documents_gone) for report in reports] == [(1, 0), (0, 0), (0, 0)]
    assert taken(path.as_uri()) == {str(path): "words"}
    assert taken(f"{workshop.folder.as_uri()}/*.md") == {str(path): "words"}


def test_a_url_with_a_password_is_refused_and_not_shown() -> None:
    with pytest.raises(UsageError, match="a URL with a password would be stored: name s3://bucket/…") as raised:
        list(objects.find_objects("s3://me:hush@bucket/docs"))

    assert "hush" not in str(raised.value)
