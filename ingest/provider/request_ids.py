"""The ids of requests, by which results find their texts. Pure."""

from __future__ import annotations

from hashlib import sha256


def make_custom_id(chunk_id: int, text_hash: bytes, model: str, dimensions: int, *, has_sides: bool = False) -> str:
    """The record ID, and 16 hexadecimal digits that bind it to the text, the model, the dimensions and the side.

    So a result of another corpus, another text or another model is told apart even in a file loaded by hand.
    """
    side = b"\ndocument" if has_sides else b""
    bound = sha256(b"%b\n%b\n%d%b" % (text_hash, model.encode(), dimensions, side)).hexdigest()[:16]
    return f"{chunk_id}-{bound}"


def chunk_id_of(custom_id: str) -> int | None:
    """The record ID in a custom_id; None where it cannot be one of ours."""
    digits, dash, _ = custom_id.partition("-")
    if not dash or not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        return None
    return int(digits)
