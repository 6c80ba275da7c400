"""What a release is made of: one version, a wheel with all of the program and nothing else, the same bytes again."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
DIST_INFO = f"pgvector_ingest-{VERSION}.dist-info"


def built(what: str, source: Path, folder: Path) -> Path:
    """What the build backend makes of a source tree."""
    program = f"import hatchling.build, sys; print(hatchling.build.build_{what}(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)], cwd=source, check=True, capture_output=True, text=True
    )
    return folder / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


def files_below(*folders: str) -> set[str]:
    """The files of the checkout in these folders, but for what Python leaves there."""
    return {
        file.relative_to(ROOT).as_posix()
        for folder in folders
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def test_the_version_stands_in_one_place_and_everything_that_tells_it_agrees(wheel: Path, sdist: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "ingest", "--version"], check=True, capture_output=True, text=True
    ).stdout
    newest = re.search(r"^## \[?(.+?)\]?(?:: (\S+)| - .*)?$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)

    assert version("pgvector-ingest") == VERSION, "pip install --no-deps -e . after a change of the version"
    assert shown == f"ingest {VERSION}\n"
    assert newest is not None
    assert VERSION in newest.groups()
    assert wheel.name == f"pgvector_ingest-{VERSION}-py3-none-any.whl"
    assert sdist.name == f"pgvector_ingest-{VERSION}.tar.gz"


def test_the_wheel_is_the_package_its_sql_its_licences_and_nothing_else(wheel: Path) -> None:
    about = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE", "licenses/NOTICE")
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        sql = {name: archive.read(f"ingest/{name}") for name in files_below("sql")}

    assert held == (
        files_below("ingest")
        | {f"ingest/{file}" for file in files_below("sql")}
        | {f"{DIST_INFO}/{name}" for name in about}
    )
    assert {"ingest/py.typed", "ingest/data/cl100k_base.tiktoken.gz"} <= held
    assert len(sql) > 200
    assert all(text == (ROOT / name).read_bytes() for name, text in sql.items())


def test_the_program_of_the_wheel_reads_the_sql_of_the_wheel(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from ingest.database import statements; print(statements.SQL)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], cwd=tmp_path, check=True, capture_output=True, text=True
    )

    assert done.stdout == f"{tmp_path / 'ingest' / 'sql'}\n"


def test_an_editable_install_reads_the_checkout_itself(tmp_path: Path) -> None:
    with zipfile.ZipFile(built("editable", ROOT, tmp_path)) as archive:
        held = [name for name in archive.namelist() if not name.startswith(DIST_INFO)]
        led_to = archive.read(held[0]).decode().strip()

    assert len(held) == 1
    assert held[0].endswith(".pth")
    assert led_to == str(ROOT)
    assert not (ROOT / "ingest" / "sql").exists(), "a copy of sql/, which would be read in its place"


def test_the_source_distribution_has_what_it_takes_to_build_and_test_and_nothing_that_lay_about(
    sdist: Path, tmp_path: Path
) -> None:
    top = """
        .ci .dockerignore .github .gitignore .pre-commit-config.yaml CHANGELOG.md CONTRIBUTING.md Dockerfile LICENSE
        NOTICE PKG-INFO README.md SECURITY.md benchmarks docker-compose.yaml docs examples ingest mkdocs.yml
        pyproject.toml requirements-dev.txt sql tests
    """
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
        archive.extractall(tmp_path, filter="data")

    assert {name.partition("/")[0] for name in held} == set(top.split())
    assert files_below("ingest", "sql", "tests") <= held
    assert not any(name.endswith(".pyc") or name.startswith("examples/corpus/") for name in held)


def test_a_wheel_that_is_built_from_the_source_distribution_is_the_same_byte_for_byte(
    wheel: Path, sdist: Path, tmp_path: Path
) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    [source] = tmp_path.iterdir()
    for file in source.rglob("*"):
        file.touch()

    again = built("wheel", source, tmp_path)

    assert again.read_bytes() == wheel.read_bytes()
