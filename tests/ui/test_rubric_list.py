"""The list of rubric tests follows those that are under way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from prompt_app.datamodel.rubric_test import RubricTestOptions
from prompt_app.ui.components.rubric_tests import LOOK_SECONDS, TESTS_A_PAGE
from prompt_app.workbench import Workbench


@pytest.mark.parametrize(("page", "expected"), [("1", None), ("2", LOOK_SECONDS)])
def test_an_active_test_on_a_later_page_is_live_there(
    page: str,
    expected: float | None,
    monkeypatch: pytest.MonkeyPatch,
    workbench: Workbench,
    open_page: Callable[..., AppTest],
) -> None:
    options = RubricTestOptions(dataset="games", experiment="baseline")
    workbench.store.create_rubric_test(options)  # the oldest, and nobody works on it
    for _ in range(TESTS_A_PAGE):
        workbench.rubrics.cancel(workbench.store.create_rubric_test(options).id)
    looks: list[float | None] = []
    fragment = st.fragment

    def noted(function: Any = None, **options: Any) -> Any:
        looks.append(options.get("run_every"))
        return fragment(function, **options)

    monkeypatch.setattr(st, "fragment", noted)
    app = open_page("app_pages/rubrics.py", page=page)
    assert not app.exception
    assert expected in looks
    assert (LOOK_SECONDS in looks) == (expected is not None)
