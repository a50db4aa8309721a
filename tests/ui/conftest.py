"""The studio in this process, over a store of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from engine.runs import work
from streamlit.testing.v1 import AppTest

from prompt_app.datamodel.evaluation import Evaluation
from prompt_app.ui import ASGI_FILE
from prompt_app.workbench import Workbench

MAIN = ASGI_FILE.with_name("main.py")


@pytest.fixture
def workbench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    """The one that the pages use."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROMPT_APP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    st.cache_resource.clear()
    from prompt_app.ui import state

    opened = state.shared_workbench()
    opened.load_examples()
    yield opened
    opened.close()
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def open_page(workbench: Workbench) -> Callable[..., AppTest]:
    """``open_page("app_pages/run.py", id=...)``: the app, on that page."""

    def opened(page: str = "app_pages/home.py", /, **query: str) -> AppTest:
        app = AppTest.from_file(str(MAIN), default_timeout=60).run()
        if page != "app_pages/home.py":
            for name, value in query.items():
                app.query_params[name] = value
            app.switch_page(page).run()
        assert not app.exception
        return app

    return opened


@pytest.fixture
def finished(workbench: Workbench) -> Evaluation:
    """The shipped example, worked through."""
    evaluation = workbench.submit_evaluation(workbench.example_evaluation())
    work(workbench)
    return evaluation
