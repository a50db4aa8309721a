"""Text from datasets and models is shown and never runs, links or loads anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from browser.studio import click_row, ended, settled
from playwright.sync_api import Page, expect

from prompt_app.datamodel.evaluation import EvaluationSpec
from prompt_app.workbench import Workbench

pytestmark = pytest.mark.xdist_group("browser")  # one studio for all

HOSTILE = (
    "<script>window.taken = 1</script><img src=x onerror='window.taken = 2'> "
    "[press me](javascript:window.taken=3) ![pixel](http://192.0.2.1/pixel.png)"
)


@pytest.fixture
def hostile_run(workbench: Workbench, tmp_path: Path) -> str:
    """Hostile in every place that a dataset, a model or a key can reach."""
    path = tmp_path / "hostile.jsonl"
    path.write_text(json.dumps({"question": HOSTILE, HOSTILE: "x", "answers": [HOSTILE]}))
    spec = EvaluationSpec.model_validate(
        {
            "dataset": {"path": str(path)},
            "prompts": [{"name": "hostile", "template": "{question}"}],
            "models": ["offline:echo"],
            "metrics": [{"name": "exact_match", "key": HOSTILE}],
        }
    )
    (run_id,) = workbench.submit_evaluation(spec).run_ids
    ended(workbench, run_id)
    return run_id


def test_a_hostile_reply_is_inert(
    studio: str, new_page: Callable[..., Page], hostile_run: str
) -> None:
    page = new_page()
    page.goto(f"{studio}/run?id={hostile_run}")
    expect(page.get_by_text("1 scored, 0 failed, 0 skipped")).to_be_visible()
    settled(page)
    click_row(page, 0)
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_text("press me").first).to_be_visible()
    drawer.get_by_text("Prompt as it was sent").click()
    settled(page)
    assert page.locator("a[href^='javascript']").count() == 0
    assert page.locator("img[src*='192.0.2.1']").count() == 0
    assert page.locator("a[href*='192.0.2.1']").count() == 0
    assert page.evaluate("window.taken") is None


def test_a_name_is_no_markup(
    studio: str, new_page: Callable[..., Page], workbench: Workbench
) -> None:
    """An editor names a token, an admin opens it."""
    workbench.access_tokens.create(HOSTILE[-92:])
    page = new_page()
    page.goto(f"{studio}/tokens")
    page.get_by_role("region", name="Tokens").click(position={"x": 30, "y": 52})
    expect(page.get_by_role("heading").get_by_text("press me")).to_be_visible()
    settled(page)
    assert (
        page.locator("a[href^='javascript'], [src*='192.0.2.1'], [href*='192.0.2.1']").count() == 0
    )
    workbench.access_tokens.revoke(workbench.access_tokens.page().items[0].id)


def test_the_pages_carry_security_headers(studio: str, new_page: Callable[..., Page]) -> None:
    page = new_page()
    response = page.goto(studio)
    assert response is not None
    headers = response.headers
    assert "unsafe-eval" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    settled(page)
    page.evaluate(
        "() => { const s = document.createElement('script'); "
        "s.textContent = 'window.taken = 1'; document.body.append(s); }"
    )
    assert page.evaluate("window.taken") is None
