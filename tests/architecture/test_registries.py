"""Every name in every table leads to something."""

from __future__ import annotations

import re
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path

import pytest

from prompt_app.registry import Registry

ROOT = Path(__file__).resolve().parents[2]
TABLE = re.compile(r"^([A-Z_]+)(?:: [^=]+)? = Registry\(", re.MULTILINE)


def tables() -> dict[str, Registry]:
    found = {}
    for path in sorted((ROOT / "prompt_app").rglob("*.py")):
        for name in TABLE.findall(path.read_text("utf-8")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            module = ".".join(parts).removesuffix(".__init__")
            found[f"{module}.{name}"] = getattr(import_module(module), name)
    return found


TABLES = tables()
ENTRIES = [(table, name) for table, registry in TABLES.items() for name in registry]


def test_the_main_tables_are_found() -> None:
    assert {"prompt_app.metrics.METRICS", "prompt_app.providers.PROVIDERS"} <= TABLES.keys()


@pytest.mark.parametrize(("table", "name"), ENTRIES)
def test_every_entry_loads(table: str, name: str) -> None:
    loaded = TABLES[table].load(name)
    assert callable(loaded) or is_dataclass(loaded)  # or a record of what to call
