"""Vectors by the hashes of words: deterministic, and near for texts that share words."""

from __future__ import annotations

import hashlib
import math
import re

DIMENSIONS = 256


def hashed_vector(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """A unit vector in which every word has a place and a sign by its hash: texts that share
    words point the same way. Weinberger et al. (2009), "Feature hashing for large scale multitask
    learning", ICML."""
    vector = [0.0] * dimensions
    for word in re.findall(r"\w+", text.casefold()) or [""]:
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        number = int.from_bytes(digest, "big")
        vector[number % dimensions] += 1.0 if number >> 63 else -1.0
    length = math.sqrt(sum(x * x for x in vector))
    if length == 0:  # two words took each other away
        vector[0] = length = 1.0
    return [x / length for x in vector]
