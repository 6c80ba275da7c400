"""The SDKs of other vendors against our emulator in their dialect, from an upload to vectors."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from dialects import SPOKEN

from ingest.emulator import hash_vectors, running

FOLDER = os.environ.get("INGEST_TEST_CLIENTS")  # read here: a test sees no settings from outside
SCRIPTS = Path(__file__).parents[1] / "clients" / "vendors"
TEXTS = [
    "All that is to be said about subject number 2.",
    "日本語のテキスト 🙂",
    "<|endoftext|> is a text, too",
    "All that is to be said about subject number 3.",
]


@pytest.mark.parametrize("version", ["v1beta", "v1"])
def test_google_genai_gets_the_vectors_of_ours(tmp_path: Path, version: str) -> None:
    with running(tmp_path / "emulator", dialect="gemini", latency_s=0.3) as emulator:
        environment = {"GEMINI_API_KEY": emulator.api_key, "GEMINI_BASE_URL": emulator.base_url}

        vectors = told("gemini.py", version, environment=environment, folder=tmp_path)

    for name, side in (("documents", "RETRIEVAL_DOCUMENT"), ("queries", "RETRIEVAL_QUERY")):
        found = np.array(vectors[name])
        lengths = np.linalg.norm(found, axis=1, keepdims=True)
        expected = hash_vectors(TEXTS, "gemini-embedding-001", 768, side)
        assert lengths.max() < 0.9  # which a client is to see to
        np.testing.assert_allclose(found / lengths, expected, atol=1e-6)


def test_mistralai_gets_the_vectors_of_ours(tmp_path: Path) -> None:
    with running(tmp_path / "emulator", dialect="mistral", latency_s=0.3) as emulator:
        environment = {"MISTRAL_API_KEY": emulator.api_key, "MISTRAL_BASE_URL": emulator.base_url}

        vectors = told("mistral.py", environment=environment, folder=tmp_path)

    for name in ("documents", "queries"):  # it knows no sides
        np.testing.assert_allclose(vectors[name], hash_vectors(TEXTS, "mistral-embed", 1024), atol=1e-6)


@pytest.mark.parametrize("vendor", ["openrouter", "voyage"])
def test_a_vendors_sdk_gets_the_vectors_of_ours(tmp_path: Path, vendor: str) -> None:
    model, dimensions = (SPOKEN[vendor][name] for name in ("model", "dimensions"))
    with running(tmp_path / "emulator", dialect=vendor, latency_s=0.3) as emulator:
        name = vendor.upper()
        environment = {f"{name}_API_KEY": emulator.api_key, f"{name}_BASE_URL": emulator.base_url}

        vectors = told(f"{vendor}.py", environment=environment, folder=tmp_path)

    sides = {"documents": "document", "queries": "query"} if vendor == "voyage" else {"documents": ""}
    assert vectors.keys() == sides.keys()
    for name, side in sides.items():
        np.testing.assert_allclose(vectors[name], hash_vectors(TEXTS, model, dimensions, side), atol=1e-6)


def told(script: str, *arguments: str, environment: dict[str, str], folder: Path) -> dict[str, list[list[float]]]:
    """What a script prints, in the environment that has the vendors' SDKs."""
    if not FOLDER:
        pytest.skip("INGEST_TEST_CLIENTS names no folder of environments that have other people's clients")
    python = Path(FOLDER) / "vendors" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{python} is not there")
    ended = subprocess.run(
        [str(python), "-P", str(SCRIPTS / script), *arguments],  # -P: a script may have the name of what it imports
        input=json.dumps(TEXTS),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
    )
    assert ended.returncode == 0, ended.stderr
    vectors: dict[str, list[list[float]]] = json.loads(ended.stdout)
    return vectors
