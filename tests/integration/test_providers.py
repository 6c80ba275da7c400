"""Providers by name, each on an emulator that speaks as its makers say it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from ingest.emulator import DIALECTS, Fault, hash_vectors, running
from ingest.provider.presets import PRESETS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workshop import Outcome, Workshop

    Ingest = Callable[..., Outcome]

TEXT = "Cats sleep most of the day."
# The model that the vectors are of, their length, and the options by which a user says so.
MODELS: dict[str, tuple[str, int, tuple[object, ...]]] = {
    "openai": ("text-embedding-3-small", 1536, ()),
    "azure": ("text-embedding-3-small", 1536, ("--deployment", "my-embeddings")),
    "alibaba": ("text-embedding-v4", 1024, ("--chunk-tokens", 500)),
    "deepinfra": ("BAAI/bge-m3", 1024, ("--chunk-tokens", 500)),
    "orq": ("text-embedding-3-small", 1536, ("--deployment", "openai/text-embedding-3-small")),
    "ogx": ("nomic-ai/nomic-embed-text-v1.5", 768, ("--chunk-tokens", 500)),
}


def vector(workshop: Workshop) -> np.ndarray:
    """The one vector of the corpus."""
    ((found,),) = workshop.query("SELECT embedding FROM chunks")
    return np.array(found.to_numpy())


@pytest.mark.parametrize("name", MODELS)
def test_a_run_goes_all_the_way_with_each_provider(
    ingest: Ingest, workshop: Workshop, tmp_path: Path, name: str
) -> None:
    workshop.write("a.txt", TEXT)
    model, dimensions, options = MODELS[name]
    deployment = options if "--deployment" in options else ()
    preset, dialect = PRESETS[name], DIALECTS[name]
    key = None if preset.needs_key else "none"
    with running(tmp_path / name, api_key=key, dialect=name) as emulator:
        address = urlsplit(emulator.base_url)
        environment = {
            "DATABASE_URL": workshop.database_url,
            "INGEST_POLL_SECONDS": "0.2",
            "OPENAI_API_KEY": "a key for OpenAI alone",
            "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
            preset.url_variable: f"{address.scheme}://{address.netloc}/" if preset.path else emulator.base_url,
        }
        if preset.needs_key:
            environment[preset.key_variable] = emulator.api_key
        named = ("--provider", name)

        described = ("--model", model, "--dimensions", dimensions, *options)
        run = ingest("run", workshop.folder, *named, *described, "--json", environment=environment)
        search = ingest("search", TEXT, *named, *deployment, "--json", environment=environment)

        assert run.status == 0, run.err
        assert (run.json["embedded"], run.json["failures"], run.json["provider"]) == (1, [], name)
        assert search.json["passages"][0]["similarity"] == pytest.approx(1, abs=1e-3)
        assert sum(bill["batch_id"] is not None for bill in emulator.bills()) == 1
    served = next(iter(dialect.limits.models.values())).name if name != "openai" else model
    assert vector(workshop) == pytest.approx(hash_vectors([TEXT], served, dimensions)[0], abs=1e-6)


def test_a_batch_is_found_by_its_file_where_the_provider_keeps_no_metadata(workshop: Workshop) -> None:
    workshop.write("a.txt", TEXT)
    workshop.emulator.set_faults(Fault("null_metadata"), Fault("drop_after_create", count=1))

    with workshop.pipeline(list_lag_seconds=0) as pipeline:
        report = pipeline.run([str(workshop.folder)])

    assert workshop.emulator.fired()["drop_after_create"] == 1
    assert report.embedded == 1
    assert len(list(workshop.emulator.bills())) == 1


@pytest.mark.parametrize(
    ("options", "environment", "words"),
    [
        (["--provider", "azure"], {"OPENAI_API_KEY": "sk"}, "set AZURE_OPENAI_API_KEY"),
        (["--provider", "azure"], {"AZURE_OPENAI_API_KEY": "k"}, "set AZURE_OPENAI_ENDPOINT"),
        (["--provider", "azur"], {}, "there are openai, azure,"),
        (["--provider", "vllm"], {}, "`ingest export DIR`"),
    ],
)
def test_what_a_provider_lacks_is_one_clear_error(
    ingest: Ingest, workshop: Workshop, options: list[str], environment: dict[str, Any], words: str
) -> None:
    workshop.write("a.txt", TEXT)

    run = ingest("run", workshop.folder, *options, environment={"DATABASE_URL": workshop.database_url, **environment})

    assert run.status == 2
    assert words in run.err.splitlines()[-1]
    assert "Traceback" not in run.err


def test_a_key_that_is_refused_is_told_by_the_providers_own_variable(
    ingest: Ingest, workshop: Workshop, tmp_path: Path
) -> None:
    workshop.write("a.txt", TEXT)
    with running(tmp_path / "azure", dialect="azure") as emulator:
        environment = {
            "DATABASE_URL": workshop.database_url,
            "AZURE_OPENAI_API_KEY": "wrong",
            "AZURE_OPENAI_ENDPOINT": emulator.base_url,
        }

        run = ingest("run", workshop.folder, "--provider", "azure", environment=environment)

    assert run.status == 2
    assert "AZURE_OPENAI_API_KEY" in run.err
    assert "OPENAI_BASE_URL" not in run.err
