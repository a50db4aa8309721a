"""Datasets that this project did not write, where they are at hand: in the folder that SHARED_DATA
names, or in ``shared/data`` beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(
    os.environ.get("SHARED_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data"
)


def real_file(name: str) -> Path:
    """The file's path; the test is skipped where it is absent."""
    path = FOLDER / name
    if not path.is_file():
        pytest.skip(f"{path} is not there; SHARED_DATA names the folder of such files")
    return path
