"""The settings' documentation is what the code reads."""

from __future__ import annotations

import pytest

from prompt_app.settings import Settings
from tests.docs.settings_page import PAGES, ROOT, variable_names


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_up_to_date(page: str) -> None:
    written = (ROOT / page).read_text("utf-8")
    assert written == PAGES[page](), "run: .venv/bin/python -m tests.docs.settings_page"


def test_every_setting_has_a_variable_and_a_meaning() -> None:
    for name, field in Settings.model_fields.items():
        assert variable_names(field)[0].isupper(), name
        assert (field.description or "").endswith("."), name


def test_the_example_changes_nothing_and_every_line_of_it_can_be_switched_on() -> None:
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    assert all(line.startswith("#") or not line for line in lines)
    assignments = [line[1:] for line in lines if line.startswith("#") and line[1:2].isupper()]
    assert len(assignments) == len(Settings.model_fields)
