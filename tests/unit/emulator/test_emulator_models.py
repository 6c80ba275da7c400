"""The vectors made from a hash."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.emulator.models import hash_vectors

TEXTS = st.lists(st.text("aZ09é日😀\0\n "), min_size=1, max_size=20)


@given(TEXTS, st.integers(1, 3_072))
def test_a_text_has_one_vector_of_length_one_in_any_company(texts: list[str], dimensions: int) -> None:
    together = hash_vectors(texts, dimensions=dimensions)
    alone = np.concatenate([hash_vectors([text], dimensions=dimensions) for text in texts])

    assert together.shape == (len(texts), dimensions)
    assert together.dtype == np.float32
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, rtol=1e-5)


def test_other_texts_and_other_models_have_other_vectors() -> None:
    texts = [f"text {i}" for i in range(200)]

    vectors = np.concatenate([hash_vectors(texts, model, 256) for model in ("hash", "text-embedding-3-small")])
    likeness = vectors @ vectors.T - np.eye(len(vectors))

    assert np.abs(likeness).max() < 0.5


def test_a_short_vector_is_the_beginning_of_the_long_one_normalised() -> None:
    long = hash_vectors(["a text"], dimensions=1_536)[0, :256]
    short = hash_vectors(["a text"], dimensions=256)[0]

    np.testing.assert_allclose(short, long / np.linalg.norm(long), rtol=1e-5)


def test_a_vector_is_the_same_on_every_machine() -> None:
    vector = hash_vectors(["The quick brown fox"], "text-embedding-3-small", 3)[0]

    np.testing.assert_allclose(vector, [0.9782264, 0.0790804, 0.1918841], rtol=1e-5)


@pytest.mark.parametrize(
    ("model", "dimensions"),
    [("text-embedding-3-small", 1536), ("text-embedding-3-large", 3072), ("text-embedding-ada-002", 1536)],
)
def test_without_a_length_the_model_has_its_own(model: str, dimensions: int) -> None:
    assert hash_vectors(["a"], model).shape == (1, dimensions)
