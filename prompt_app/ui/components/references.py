"""The reference answers of a row."""

from __future__ import annotations

from collections.abc import Sequence

from prompt_app.datamodel.dataset import field_value, reference_values
from prompt_app.datamodel.evaluation import Run
from prompt_app.interfaces import StoredSample


def references(run: Run, sample: StoredSample) -> tuple[str, ...]:
    """None where the row has no such field."""
    try:
        return reference_values(field_value(sample.example.fields, run.spec.reference_field))
    except KeyError:
        return ()


def nearest_reference(text: str, known: Sequence[str]) -> str | None:
    """The one that shares most with ``text``; None without any."""
    from rapidfuzz.distance import Indel

    return max(
        known, key=lambda each: Indel.normalized_similarity(text[:2000], each[:2000]), default=None
    )
