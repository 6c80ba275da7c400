"""Git repositories by their URLs: real ones, read by the real git."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from ingest import cli
from ingest.errors import UsageError
from ingest.sources.declared import declared_sources
from ingest.sources.files import Files
from ingest.sources.members import Member
from ingest.sources.repository import repository
from ingest.sources.source import Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from workshop import Workshop


@pytest.fixture(name="git")
def _git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Git in a repository of its own, which knows nothing of the user's."""
    folder = tmp_path / "there.git"
    folder.mkdir()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")

    def run(*arguments: str) -> str:
        who = ("-c", "user.name=A", "-c", "user.email=a@b.example", "-c", "commit.gpgSign=false")
        done = subprocess.run(["git", *who, *arguments], cwd=folder, capture_output=True, check=True, text=True)
        return done.stdout.strip()

    run("init", "--quiet", "--initial-branch=main")
    return run


@pytest.fixture(name="there")
def _there(tmp_path: Path, git: Callable[..., str]) -> Path:
    """A repository with two commits, of which the first is v1."""
    folder = tmp_path / "there.git"
    for name, text in {
        "docs/guide.md": "# Guide\n\nAll about it.",
        "docs/deep/n\u00e4her #1.md": "More words.",
        "docs/rows.jsonl": '{"id": "one", "text": "a row"}\n',
        "docs/drafts/x.md": "not yet",
        ".ingestignore": "secret.md\n",
        "secret.md": "not for others",
        ".github/flow.md": "hidden",
        "README.md": "# All\n\nof it",
        "big.md": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "docs/link.md").symlink_to("guide.md")
    (folder / "docs/out.md").symlink_to("/etc/passwd")
    git("add", "-A")
    git("commit", "--quiet", "-m", "one")
    git("tag", "-a", "v1", "-m", "one")
    (folder / "docs/guide.md").write_text("# Guide\n\nAll about it, and more.")
    (folder / "docs/deep/n\u00e4her #1.md").unlink()
    git("commit", "--quiet", "-a", "-m", "two")
    return folder


def uris(workshop: Workshop) -> list[str]:
    return [uri for (uri,) in workshop.query("SELECT uri FROM documents ORDER BY uri")]


def found(given: str, **told: Any) -> tuple[dict[str, Member], list[tuple[str, str]]]:
    items = list(Files([given], **told).items())
    members = {item.path: item for item in items if isinstance(item, Member)}
    return members, [(item.name, item.reason) for item in items if isinstance(item, Skipped)]


def test_a_repository_is_read_at_its_revision_and_the_next_one_costs_what_changed(
    workshop: Workshop, there: Path, git: Callable[..., str]
) -> None:
    url = f"git+file://{there}"
    with workshop.pipeline() as pipeline:
        first = pipeline.run(Files([f"{url}@v1#docs"], exclude=["drafts/"]))
        again = pipeline.run(Files([f"{url}@v1#docs"], exclude=["drafts/"]))
        second = pipeline.run(Files([f"{url}@main#docs"], exclude=["drafts/"]))

    assert uris(workshop) == [f"{url}/docs/guide.md", f"{url}/docs/link.md", f"{url}/docs/rows.jsonl#one"]
    assert (first.sync.documents_new, again.sync.documents_unchanged, again.sync.bytes_read) == (4, 4, 0)
    assert (second.sync.documents_changed, second.sync.documents_gone, second.sync.documents_unchanged) == (2, 1, 1)
    ((metadata,),) = workshop.query("SELECT metadata FROM documents WHERE right(uri, 8) = 'guide.md'")
    assert metadata["commit"] == git("rev-parse", "main")
    assert metadata["committed_at"][:4].isdigit()
    assert (metadata["path"], metadata["repository"]) == ("docs/guide.md", f"file://{there}")


def test_a_repository_that_has_a_name_is_the_same_wherever_it_lies(
    workshop: Workshop, there: Path, tmp_path: Path
) -> None:
    with workshop.pipeline() as pipeline:
        pipeline.sync(Files([f"git+file://{there}@v1#docs"], source="handbook"))
        moved = there.rename(tmp_path / "elsewhere.git")
        second = pipeline.sync(Files([f"git+file://{moved}@v1#docs"], source="handbook"))

    assert "handbook/deep/n%C3%A4her%20%231.md" in uris(workshop)
    assert (second.documents_new, second.documents_gone, second.documents_unchanged) == (0, 0, 5)


def test_what_a_branch_tag_and_hash_name_is_read(there: Path, git: Callable[..., str], tmp_path: Path) -> None:
    first, second = git("rev-parse", "v1^{commit}"), git("rev-parse", "main")
    git("branch", "topic/one", first)
    url = f"git+file://{there}"
    for revision in ("v1", "topic/one", first):
        members, _ = found(f"{url}@{revision}#docs", cache=tmp_path / "cache")
        assert (members["guide.md"].metadata["commit"], "deep/n\u00e4her #1.md" in members) == (first, True), revision
    for given in (url, f"{url}@main", f"{url}@{second}"):
        members, _ = found(given, cache=tmp_path / "cache")
        assert members["docs/guide.md"].metadata["commit"] == second


def test_what_of_a_repository_is_no_text_is_told(there: Path, git: Callable[..., str]) -> None:
    git("update-index", "--add", "--cacheinfo", f"160000,{git('rev-parse', 'main')},sub")
    git("commit", "--quiet", "-m", "three")
    members, told = found(f"git+file://{there}")

    assert "secret.md" not in members
    assert ".github/flow.md" not in members
    assert members["docs/link.md"].brought().content == members["docs/guide.md"].brought().content
    reasons = dict(told)
    assert reasons[f"git+file://{there}/sub"] == "a submodule: name its repository to read it"
    assert reasons[f"git+file://{there}/docs/out.md"] == "a link, to no file inside"
    with pytest.raises(Exception, match="Git LFS"):
        members["big.md"].read(1000)


def test_nothing_is_gone_of_a_repository_that_is_out_of_reach(workshop: Workshop, there: Path, tmp_path: Path) -> None:
    workshop.write("a.md", "what stays readable")
    paths = [str(workshop.folder), f"git+file://{there}@v1#docs"]
    with workshop.pipeline() as pipeline:
        pipeline.sync(paths)
        there.rename(tmp_path / "away")
        away = pipeline.sync(paths)
        (tmp_path / "away").rename(there)
        wrong = pipeline.sync([str(workshop.folder), f"git+file://{there}@v9#docs"])
        empty = pipeline.sync([str(workshop.folder), f"git+file://{there}@v1#dosc"])

    for report in (away, wrong, empty):
        assert (report.documents_gone, report.skipped_count) == (0, 1)
    assert "does not" in away.skipped[0].reason
    assert "v9" in wrong.skipped[0].reason
    assert empty.skipped[0].reason == "nothing in dosc at v1"


@pytest.mark.parametrize(
    "given",
    [
        "git+https://user:hunter2hunter2@host.example/a.git",
        "git+https://hunter2hunter2@host.example/a.git",
        "git+ext::sh%20-c%20id",
        "git+ssh://-oProxyCommand=id/a.git",
        "git+https://host.example/a.git@--upload-pack=id",
        "git+https://host.example/a.git@v1..v2",
        "git+https://host.example/a.git#../..",
        "git+https://host.example/@v1",
        "git+ftp://host.example/a.git",
    ],
)
def test_a_url_that_is_no_repositorys_or_tells_a_secret_is_refused(given: str) -> None:
    with pytest.raises(UsageError) as caught:
        Files([given]).check()
    assert "hunter2" not in str(caught.value)


def test_two_revisions_of_a_repository_need_names() -> None:
    with pytest.raises(UsageError, match="two revisions"):
        Files(["git+https://host.example/a.git@v1", "git+https://host.example/a.git@v2"]).check()


def test_a_user_of_ssh_is_no_secret() -> None:
    told = repository("git+ssh://git@host.example/team/a.git@release/2#docs/en/")
    assert told.url == "ssh://git@host.example/team/a.git"
    assert (told.revision, told.folder) == ("release/2", "docs/en")


def test_a_missing_git_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match="the program git, and there is none: install it"):
        Files(["git+https://host.example/a.git"]).check()


@pytest.fixture(name="locked")
def _locked() -> Iterator[str]:
    """A server that wants a password."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="here"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_nobody_is_asked_for_a_password(git: Callable[..., str], locked: str) -> None:
    assert git("--version")
    _, ((name, reason),) = found(f"git+{locked}/a.git")
    assert name == f"git+{locked}/a.git"
    assert "prompts disabled" in reason


def test_git_is_told_no_keys_and_runs_no_hooks(there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bin_folder, seen = tmp_path / "bin", tmp_path / "seen"
    bin_folder.mkdir()
    real = subprocess.run(["sh", "-c", "command -v git"], capture_output=True, text=True, check=True).stdout.strip()
    (bin_folder / "git").write_text(f'#!/bin/sh\n(env; echo "$@") >> {seen}\nexec {real} "$@"\n')
    (bin_folder / "git").chmod(0o755)
    hook = tmp_path / "hooks" / "reference-transaction"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\necho HOOK >> {seen}\n")
    hook.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_folder}:{os.environ['PATH']}")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.hooksPath")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(hook.parent))
    for name in ("OPENAI_API_KEY", "DATABASE_URL", "GIT_DIR", "GIT_WORK_TREE"):
        monkeypatch.setenv(name, "hunter2hunter2")

    members, _ = found(f"git+file://{there}@v1", cache=tmp_path / "cache")

    assert members["docs/guide.md"].brought().content
    told = seen.read_text()
    assert "GIT_TERMINAL_PROMPT=0" in told
    assert "hunter2" not in told
    assert "HOOK" not in told


def test_a_repository_is_declared_listed_and_removed(
    workshop: Workshop, there: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "ingest.toml"
    url = f"git+file://{there}@v1#docs"
    config.write_text(f'[[sources]]\nname = "handbook"\nurl = "{url}"\nignore = ["drafts/"]\n')
    for name, value in workshop.flags.items():
        monkeypatch.setenv(f"INGEST_{name.upper()}", str(value))

    def ingest(*arguments: str) -> Any:
        monkeypatch.setattr(sys, "argv", ["ingest", *arguments, "--config", str(config), "--json"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, json.loads(capsys.readouterr().out)

    status, told = ingest("sync")
    assert (status, told["documents_new"]) == (1, 4)  # docs/out.md leads out
    _, listed = ingest("list")
    assert [source["source"] for source in listed["corpora"][0]["sources"]] == ["handbook"]
    status, _ = ingest("remove", "handbook", "--yes")
    assert (status, uris(workshop)) == (0, [])


def test_two_revisions_are_declared_with_names_or_refused(tmp_path: Path) -> None:
    config = tmp_path / "ingest.toml"
    urls = [f'url = "git+https://host.example/a.git@v{number}"' for number in (1, 2)]
    config.write_text("".join(f"[[sources]]\n{url}\n" for url in urls))
    with pytest.raises(UsageError, match="is read twice"):
        declared_sources(config, "corpus")
    config.write_text("".join(f'[[sources]]\nname = "v{number}"\n{url}\n' for number, url in enumerate(urls)))
    assert [each.source for each in declared_sources(config, "corpus")["corpus"]] == ["v0", "v1"]


def test_a_password_that_git_itself_was_given_is_not_told(
    git: Callable[..., str], locked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert git("--version")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{locked.replace('//', '//me:hunter2hunter2@')}/.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", f"{locked}/")
    _, ((_, reason),) = found(f"git+{locked}/a.git")

    assert reason
    assert "hunter2" not in reason
