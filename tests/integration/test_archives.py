"""Archives as folders: real ones of all kinds, and those that were made to do harm."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from ingest.errors import UsageError
from ingest.sources.files import Files
from ingest.sources.members import Member
from ingest.sources.records import Record
from ingest.sources.source import ARCHIVE, Noted, Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from workshop import Workshop

PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    ".tar": bytes,
    ".tar.gz": gzip.compress,
    ".tgz": gzip.compress,
    ".tar.bz2": bz2.compress,
    ".tar.xz": lzma.compress,
    ".tar.zst": lambda content: bytes(pa.Codec("zstd").compress(content, asbytes=True)),
}
TREE = {
    "guide.md": b"# Guide\n\nAll about it.",
    "deep/n\u00e4her #1.md": b"More words.",
    "rows.jsonl": b'{"id": "a/b", "text": "a row"}\n',
    ".hidden.md": b"not for others",
    "node_modules/x.md": b"of others",
    "drafts/one.md": b"not yet",
    "drafts/.ingestignore": b"",
    ".ingestignore": b"old/\n",
    "old/two.md": b"no more",
}


def zipped(tree: Mapping[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in tree.items():
            archive.writestr(name, text)
    return content.getvalue()


def tarred(tree: Mapping[str, bytes], **headers: object) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, text in tree.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            for field, value in headers.items():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(text))
    return content.getvalue()


def packed(kind: str, tree: Mapping[str, bytes]) -> bytes:
    return zipped(tree) if kind == ".zip" else PACKINGS[kind](tarred(tree))


def uris(workshop: Workshop) -> list[str]:
    return [uri for (uri,) in workshop.query("SELECT uri FROM documents ORDER BY uri")]


def skipped(path: Path, **told: object) -> list[tuple[str, str]]:
    found = Files([str(path)], **told).items()  # type: ignore[arg-type]
    return [(item.name.removeprefix(str(path)), item.reason) for item in found if isinstance(item, Skipped)]


@pytest.mark.parametrize("kind", [".zip", *PACKINGS])
def test_an_archive_is_read_as_the_folder_that_it_was(workshop: Workshop, tmp_path: Path, kind: str) -> None:
    archive = tmp_path / f"docs{kind}"
    archive.write_bytes(packed(kind, TREE))
    with workshop.pipeline() as pipeline:
        told = Files([str(archive)], exclude=["drafts/"])
        first, again = pipeline.sync(told), pipeline.sync(told)

    root = archive.as_uri()
    assert uris(workshop) == [f"{root}/deep/n%C3%A4her%20%231.md", f"{root}/guide.md", f"{root}/rows.jsonl#a%2Fb"]
    assert (first.documents_new, first.skipped_count) == (3, 0)
    assert (first.skipped_hidden, first.skipped_vendored, first.skipped_ignored) == (2, 1, 2)
    assert (again.documents_unchanged, again.bytes_read) == (3, 0)
    metadata = dict(workshop.query("SELECT uri, metadata FROM documents"))
    assert metadata[f"{root}/guide.md"]["path"] == f"{archive}/guide.md"


@pytest.mark.parametrize(("before", "after"), [(".zip", ".tar.gz"), (".tar", ".zip")])
def test_a_new_archive_of_the_same_tree_is_the_same_documents(
    workshop: Workshop, tmp_path: Path, before: str, after: str
) -> None:
    (tmp_path / f"monday{before}").write_bytes(packed(before, TREE))
    edited = {**TREE, "guide.md": b"# Guide\n\nAll about IT."}
    del edited["rows.jsonl"]
    (tmp_path / f"tuesday{after}").write_bytes(packed(after, edited))
    with workshop.pipeline() as pipeline:
        pipeline.run(Files([str(tmp_path / f"monday{before}")], source="docs"))
        second = pipeline.run(Files([str(tmp_path / f"tuesday{after}")], source="docs"))
        removed = pipeline.remove("docs/drafts/")

    assert uris(workshop) == ["docs/deep/n%C3%A4her%20%231.md", "docs/guide.md"]
    assert (second.sync.documents_changed, second.sync.documents_gone, second.sync.documents_new) == (1, 1, 0)
    assert (second.load.loaded, removed) == (1, 1)
    assert workshop.query("SELECT metadata->>'path' FROM documents WHERE right(uri, 8) = 'guide.md'") == [("guide.md",)]


def test_an_edit_of_the_same_size_and_time_is_seen_in_a_tar(workshop: Workshop, tmp_path: Path) -> None:
    archive = tmp_path / "docs.tar"
    with workshop.pipeline() as pipeline:
        archive.write_bytes(tarred({"a.md": b"version 1.2"}, mtime=0))
        pipeline.sync([str(archive)])
        archive.write_bytes(tarred({"a.md": b"version 1.3"}, mtime=0))
        assert pipeline.sync([str(archive)]).documents_changed == 1


def test_an_archive_in_a_folder_is_counted_and_read_where_it_is_included(workshop: Workshop) -> None:
    workshop.write("a.md", "words")
    (workshop.folder / "b.zip").write_bytes(zipped({"c.md": b"in it", "inner.tar": tarred({"d.md": b"deeper"})}))
    with workshop.pipeline() as pipeline:
        passed = pipeline.sync([str(workshop.folder)])
        included = pipeline.sync(Files([str(workshop.folder)], include=["*.zip"]))
        globbed = pipeline.sync([str(workshop.folder / "*.zip")])

    assert (passed.documents_new, passed.skipped_archives, passed.skipped_binary) == (1, 1, 0)
    assert (included.documents_new, included.skipped_archives) == (1, 1)
    assert (globbed.documents_unchanged + globbed.documents_new, globbed.skipped_archives) == (1, 1)


@pytest.mark.parametrize("kind", [".zip", *PACKINGS])
def test_nothing_is_gone_of_an_archive_that_is_cut_off(workshop: Workshop, tmp_path: Path, kind: str) -> None:
    workshop.write("a.md", "what stays readable")
    archive = tmp_path / f"docs{kind}"
    tree = {f"{number}.md": f"words of {number} ".encode() * 40 for number in range(9)}
    whole = packed(kind, tree)
    archive.write_bytes(whole)
    paths = [str(workshop.folder), str(archive)]
    with workshop.pipeline() as pipeline:
        first = pipeline.sync(paths)
        for length in (len(whole) // 3, len(whole) // 2, 0, 5):
            archive.write_bytes(whole[:length])
            report = pipeline.sync(paths)
            assert (report.documents_gone, report.skipped_count > 0) == (0, True), length
        archive.write_bytes(packed(kind, {"0.md": tree["0.md"]}))
        last = pipeline.sync(paths)

    assert (first.documents_new, last.documents_gone) == (10, 8)


def test_a_tar_that_is_cut_off_between_two_files_is_not_whole(tmp_path: Path) -> None:
    archive = tmp_path / "docs.tar"
    archive.write_bytes(tarred({"a.md": b"one", "b.md": b"two"})[:1024])
    assert skipped(archive) == [("", "damaged: it ends without its end mark, or is broken before it")]


def test_a_file_that_cannot_be_read_stays_and_the_others_are_read(workshop: Workshop, tmp_path: Path) -> None:
    archive = tmp_path / "docs.zip"
    whole = zipped({"a.md": b"words of a" * 9, "b.md": b"words of b" * 9})
    archive.write_bytes(whole)
    with workshop.pipeline() as pipeline:
        pipeline.sync([str(archive)])
        at = whole.index(b"b.md") + 6
        broken = whole[:at] + bytes([whole[at] ^ 255, whole[at + 1] ^ 255]) + whole[at + 2 :]
        archive.write_bytes(broken)
        pipeline.settings.full = True
        report = pipeline.sync([str(archive)])

    assert (report.documents_gone, report.documents_unchanged, report.skipped_count) == (0, 1, 1)
    assert "damaged" in report.skipped[0].reason
    assert "what was read before stays" in report.skipped[0].reason


@pytest.mark.parametrize("make", [zipped, tarred])
def test_no_path_leads_out_and_of_repeated_ones_the_last_counts(tmp_path: Path, make: Callable[..., bytes]) -> None:
    archive = tmp_path / ("docs.zip" if make is zipped else "docs.tar")
    archive.write_bytes(make({"../out.md": b"x", "a/../../out.md": b"x", "/etc/it.md": b"abs", "./in.md": b"in"}))
    found = list(Files([str(archive)]).items())

    assert [item.path for item in found if isinstance(item, Member)] == ["etc/it.md", "in.md"]
    assert [loss.words for item in found if isinstance(item, Noted) for loss in item.losses] == [
        "2 files left out, whose path leads out of the archive"
    ]


def test_the_last_of_a_repeated_path_counts(tmp_path: Path) -> None:
    archive = tmp_path / "docs.tar"
    archive.write_bytes(tarred({"a.md": b"before", "./a.md": b"after"}))
    found = list(Files([str(archive)]).items())

    (member,) = (item for item in found if isinstance(item, Member))
    assert member.read(1000).text == "after"
    assert "the last one counts" in next(item for item in found if isinstance(item, Noted)).losses[0].words


def test_links_are_followed_inside_alone(tmp_path: Path) -> None:
    archive = tmp_path / "docs.tar"
    with tarfile.open(archive, "w") as made:
        for name, kind, link in [
            ("d/real.md", tarfile.REGTYPE, ""),
            ("d/link.md", tarfile.SYMTYPE, "real.md"),
            ("hard.md", tarfile.LNKTYPE, "d/real.md"),
            ("out.md", tarfile.SYMTYPE, "../../etc/passwd"),
            ("abs.md", tarfile.SYMTYPE, "/etc/passwd"),
            ("loop.md", tarfile.SYMTYPE, "loop.md"),
            ("pipe.md", tarfile.FIFOTYPE, ""),
        ]:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, link, 5 * (kind == tarfile.REGTYPE)
            made.addfile(info, io.BytesIO(b"words"))

    found = {item.path: item for item in Files([str(archive)]).items() if isinstance(item, Member)}
    assert {path for path, item in found.items() if item.brought().content == b"words"} == {
        "d/link.md",
        "d/real.md",
        "hard.md",
    }
    assert found["pipe.md"].brought().trouble == "not a regular file"
    assert [name for name, _ in skipped(archive)] == ["/abs.md", "/loop.md", "/out.md"]


def test_what_unpacks_to_far_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.sources.entries._ALWAYS_BYTES", 1_000_000)
    zeros = bytes(20_000_000)
    for kind in (".zip", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst"):
        bomb = tmp_path / f"bomb{kind}"
        bomb.write_bytes(packed(kind, {"a.txt": zeros}))
        ((_, reason),) = skipped(bomb)
        assert reason.startswith("would unpack to"), (kind, reason)


def test_an_xz_that_asks_for_gigabytes_of_memory_is_refused(tmp_path: Path) -> None:
    bomb = tmp_path / "a.tar.xz"
    small = lzma.compress(tarred({"a.md": b"x"}), filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 2**16}])
    at = small.index(b"\x21\x01", 12) + 2
    header = bytearray(small[12 : 12 + (small[12] + 1) * 4])
    header[at - 12] = 40  # the most there is, 4 GB
    header[-4:] = zlib.crc32(bytes(header[:-4])).to_bytes(4, "little")
    bomb.write_bytes(small[:12] + bytes(header) + small[12 + len(header) :])

    ((_, reason),) = skipped(bomb)
    assert "emory" in reason


def test_a_header_of_a_tar_that_is_larger_than_any_name_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 50_000_000
    archive = tmp_path / "a.tar"
    archive.write_bytes(info.tobuf() + b"a" * 50_000_000 + bytes(1024))
    assert "a header of 50,000,000 bytes" in skipped(archive)[-1][1]


def test_names_are_read_in_the_encoding_that_they_are_in(tmp_path: Path) -> None:
    def written(names: list[str], encoding: str) -> list[str]:
        content = zipped({f"{number:03}.md": b"x" for number in range(len(names))})
        for number, name in enumerate(names):
            raw = name.encode(encoding)
            assert len(raw) == 6, name
            content = content.replace(f"{number:03}.md".encode(), raw)
        path = tmp_path / "names.zip"
        path.write_bytes(content)
        return [item.path for item in Files([str(path)]).items() if isinstance(item, Member)]

    assert written(["\u00c4bc.md"[:5] + "d"], "cp437") == ["\u00c4bc.md"[:5] + "d"]
    assert written(["\u00e4b.md"], "utf-8") == ["\u00e4b.md"]
    assert written(["\u6f22.md_"], "cp932") != []


def test_an_encrypted_file_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "locked.zip"
    content = bytearray(zipped({"a.md": b"words"}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    path.write_bytes(bytes(content))

    (member,) = Files([str(path)]).items()
    assert isinstance(member, Member)
    assert member.brought().trouble == "encrypted"


def test_what_is_no_archive_by_its_content_is_told(workshop: Workshop, tmp_path: Path) -> None:
    for name in ("a.zip", "a.tar", "a.tar.gz", "a.tar.xz", "a.tar.bz2", "a.tar.zst"):
        (tmp_path / name).write_bytes(b"no archive at all, " * 100)
        with workshop.pipeline() as pipeline, pytest.raises(UsageError, match="no readable text"):
            pipeline.sync([str(tmp_path / name)])


def test_records_in_an_archive_are_documents(tmp_path: Path) -> None:
    rows = b"".join(b'{"id": "%d", "text": "row"}\n' % number for number in range(5000))
    for kind in (".zip", ".tar.gz"):
        path = tmp_path / f"a{kind}"
        path.write_bytes(packed(kind, {"x/rows.jsonl": rows, "x/more.jsonl.gz": gzip.compress(rows)}))
        found = list(Files([str(path)]).items())
        assert sum(isinstance(item, Record) for item in found) == 10_000
        assert found[0].uri == f"{path.as_uri()}/x/more.jsonl.gz#0"  # type: ignore[union-attr]


def test_an_archive_inside_another_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zipped({"b.zip": zipped({"c.md": b"x"})}))
    assert skipped(path) == [("/b.zip", ARCHIVE)]
