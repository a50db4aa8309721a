"""docs/datasets.md tells the formats, options and limits that the readers have."""

from __future__ import annotations

import re

from prompt_app.datamodel.dataset import DatasetOptions
from prompt_app.datasets import FORMATS
from prompt_app.datasets.exchange import EXCHANGES
from prompt_app.datasets.json_rows import ARRAY_KEYS
from prompt_app.datasets.values import DEEPEST, MAX_CELL
from tests.docs.markdown import read

TEXT = read("docs/datasets.md")


def test_every_format_has_its_row() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `\.(\w+)`", TEXT, flags=re.M)
    assert rows == [(name, name) for name in FORMATS]


def test_every_option_has_its_row() -> None:
    table = TEXT[TEXT.index("| option |") : TEXT.index("A path is")]
    first_cells = "".join(re.findall(r"^\| (.*?) \|", table, flags=re.M))
    assert set(re.findall(r"`(\w+)`", first_cells)) == set(DatasetOptions.model_fields)


def test_every_format_of_another_tool_has_its_row() -> None:
    table = TEXT[TEXT.index("## Files of other tools") : TEXT.index("Where a row is one text")]
    assert re.findall(r"^\| `([\w-]+)` \|", table, flags=re.M) == list(EXCHANGES)


def test_limits_are_the_real_ones() -> None:
    assert f"more than {MAX_CELL:,} characters" in TEXT
    assert f"deeper than {DEEPEST} levels" in TEXT
    assert all(f"`{key}`" in TEXT for key in ARRAY_KEYS)
