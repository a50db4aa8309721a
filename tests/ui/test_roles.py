"""What people see who may not do everything."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from prompt_app.datamodel.access import Person, Role
from prompt_app.datamodel.evaluation import Evaluation
from prompt_app.ui import ASGI_FILE, state
from prompt_app.workbench import Workbench

OpenPage = Callable[..., AppTest]
PAGES = sorted(f"app_pages/{path.name}" for path in ASGI_FILE.parent.glob("app_pages/*.py"))
VIEWER = Person(id="v", name="Vi", role=Role.VIEWER)


@pytest.fixture
def as_viewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "visitor", lambda bench: VIEWER)


def test_a_viewer_is_not_told_to_do_what_they_may_not(
    workbench: Workbench, open_page: OpenPage, as_viewer: None
) -> None:
    assert "Whoever may edit" in open_page().info[0].value
    assert not any("make it above" in each.value for each in open_page("app_pages/tokens.py").info)


def test_every_page_opens_for_a_viewer(
    workbench: Workbench, finished: Evaluation, open_page: OpenPage, as_viewer: None
) -> None:
    workbench.pipelines.save("loud", "upper(concat(text, '!'))")
    queries = {
        "app_pages/run.py": {"id": finished.run_ids[0]},
        "app_pages/dataset.py": {"name": "geography"},
        "app_pages/prompt.py": {"name": "with-passage"},
        "app_pages/pipeline.py": {"name": "loud"},
    }
    for page in PAGES:
        app = open_page(page, **queries.get(page, {}))
        refusals = [each.value for each in app.error]
        assert all("Only editors and admins may" in each for each in refusals), page


def test_a_viewer_is_told_why_there_is_no_form(open_page: OpenPage, as_viewer: None) -> None:
    app = open_page("app_pages/evaluate.py")
    assert "Only editors and admins may start evaluations" in app.error[0].value
    assert not app.button


def test_a_viewer_is_offered_no_start(open_page: OpenPage, as_viewer: None) -> None:
    assert [each.label for each in open_page().button] == []
