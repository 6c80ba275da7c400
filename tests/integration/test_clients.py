"""Other people's clients against our emulator: each gets the vectors that ours has for the same texts."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ingest.chunker.cl100k import cl100k_vocabulary
from ingest.emulator import hash_vectors

if TYPE_CHECKING:
    from workshop import Workshop

FOLDER = os.environ.get("INGEST_TEST_CLIENTS")  # read here: a test sees no settings from outside
SCRIPTS = Path(__file__).parents[1] / "clients"
# Where tiktoken looks before it asks the network: by the SHA-1 of the address.
VOCABULARY = "https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken"
# Which script needs which environment below INGEST_TEST_CLIENTS.
CLIENTS = {
    "autobatcher_default.py": "gathered",
    "langbatch_default.py": "langbatch",
    "langchain_default.py": "gathered",
    "litellm_default.py": "litellm",
    "llama_index_default.py": "gathered",
    "openai_node.mjs": "node",
    "openai_python.py": "gathered",
    "openbatch_default.py": "gathered",
}
TEXTS = [  # without newlines, which LlamaIndex takes out
    "All that is to be said about subject number 2.",
    "日本語のテキスト 🙂",
    "<|endoftext|> is a text, too",
    "All that is to be said about subject number 3.",
]


def test_each_client_has_a_script() -> None:
    assert CLIENTS.keys() == {path.name for path in SCRIPTS.iterdir() if path.suffix in (".py", ".mjs")}


@pytest.mark.parametrize("script", CLIENTS)
def test_a_client_gets_the_vectors_of_ours(workshop: Workshop, tmp_path: Path, script: str) -> None:
    if not FOLDER:
        pytest.skip("INGEST_TEST_CLIENTS names no folder of environments that have other people's clients")
    environment = Path(FOLDER) / CLIENTS[script]
    if not environment.exists():
        pytest.skip(f"{environment} is not there")
    for number, text in enumerate(TEXTS):
        workshop.write(f"{number}.txt", text)
    with workshop.pipeline(embed_headings=False) as pipeline:
        pipeline.run([str(workshop.folder)])
    (tmp_path / hashlib.sha1(VOCABULARY.encode()).hexdigest()).write_bytes(cl100k_vocabulary())

    vectors = np.array(json.loads(told(workshop, environment, script, tmp_path)))

    np.testing.assert_allclose(vectors, hash_vectors(TEXTS, "text-embedding-3-small", 64), atol=1e-6)
    rows = workshop.query("SELECT content, embedding FROM chunks")
    ours = {content: embedding.to_list() for content, embedding in rows}
    np.testing.assert_allclose(vectors, [ours[text] for text in TEXTS], atol=1e-6)


def told(workshop: Workshop, environment: Path, script: str, folder: Path) -> str:
    """What a client's script prints, with no setting but the two that everybody knows."""
    if script.endswith(".mjs"):  # modules are looked for beside the script
        program = ["node", str(environment / script)]
        (environment / script).write_bytes((SCRIPTS / script).read_bytes())
    else:
        program = [str(environment / "bin" / "python"), str(SCRIPTS / script)]
    ended = subprocess.run(
        program,
        input=json.dumps(TEXTS),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "OPENAI_API_KEY": workshop.emulator.api_key,
            "OPENAI_BASE_URL": workshop.emulator.base_url,
            "TIKTOKEN_CACHE_DIR": str(folder),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        },
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
