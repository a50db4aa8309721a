"""Runs compared in a real browser, down to a single example."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from browser.accessibility import check_accessibility
from browser.studio import ended, settled
from playwright.sync_api import Page, expect

from prompt_app.datamodel.evaluation import EvaluationSpec
from prompt_app.workbench import Workbench

pytestmark = pytest.mark.xdist_group("browser")  # one studio for all

NewPage = Callable[..., Page]
HOSTILE = (
    "<script>window.taken = 1</script> :red[no] [press](javascript:window.taken=3) "
    "![pixel](http://192.0.2.1/pixel.png) $x$\n# heading\n    code"
)


@pytest.fixture
def runs(workbench: Workbench, tmp_path: Path) -> list[str]:
    """Two runs whose replies are hostile; the second is right."""
    path = tmp_path / "pairs.jsonl"
    rows = [
        {"bad": f"{n} {HOSTILE}", "good": f"{HOSTILE} {n}", "answers": [f"{HOSTILE} {n}"],
         "kind": "ab"[n % 2]}
        for n in range(12)
    ]  # fmt: skip
    path.write_text("\n".join(json.dumps(row) for row in rows))
    spec = EvaluationSpec.model_validate(
        {
            "dataset": {"path": str(path)},
            "prompts": [{"name": f"hostile-{n}", "template": f"{{{n}}}"} for n in ("bad", "good")],
            "models": ["offline:echo"],
            "metrics": ["exact_match"],
        }
    )
    run_ids = list(workbench.submit_evaluation(spec).run_ids)
    for run_id in run_ids:
        ended(workbench, run_id)
    return run_ids


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_comparison_shows_inert_words_side_by_side(
    studio: str, new_page: NewPage, runs: list[str], width: int, scheme: str
) -> None:
    page = new_page(width=width, scheme=scheme)
    page.goto(f"{studio}/run?id={runs[1]}")
    expect(page.get_by_text("12 scored, 0 failed, 0 skipped")).to_be_visible()
    page.goto(f"{studio}/compare?runs={','.join(runs)}")
    expect(page.get_by_text("Better: exact_match differs by +100.0 points")).to_be_visible()
    expect(page.get_by_text("12 examples, widest change first")).to_be_visible()
    expect(page.get_by_text("# heading").first).to_be_visible()
    settled(page)
    assert page.evaluate("window.taken") is None
    assert (
        page.locator("a[href^='javascript'], img[src*='192.0.2.1'], h1:text('heading')").count()
        == 0
    )
    excess = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert excess <= 0
    check_accessibility(page)
    with page.expect_download() as download:
        leaderboard = page.locator("[class*='st-key-download'][class*='leaderboard']").first
        leaderboard.get_by_role("button", name="Download").click()
        page.get_by_role("button", name="JSON", exact=True).click()
    (row,) = json.loads(Path(download.value.path()).read_text("utf-8"))[1:]
    assert row["run id"] == runs[0]
    page.keyboard.press("Escape")
    with page.expect_download() as download:
        page.get_by_role("button", name="HTML report").click()
    report = Path(download.value.path()).read_text("utf-8")
    assert "Better: exact_match differs by +100.0 points" in report
    assert "<script" not in report


def test_an_example_opens_in_its_run_by_address_and_arrows(
    studio: str, new_page: NewPage, runs: list[str]
) -> None:
    page = new_page()
    page.goto(f"{studio}/compare?runs={','.join(runs)}")
    page.get_by_role("link", name="Open in the other").first.click()
    page.wait_for_url(f"**/run?id={runs[1]}&row=*")
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_text("matches").first).to_be_visible()
    drawer.get_by_role("button", name="Close").click()
    expect(drawer).to_be_hidden()
    page.wait_for_url(lambda url: "row=" not in url)
    page.get_by_text("Cost and latency").click()
    expect(page.get_by_text("Latency, 95th percentile")).to_be_visible()
    settled(page)
    table = page.get_by_role("region", name="Rows of this run")
    table.scroll_into_view_if_needed()
    settled(page)
    table.click(position={"x": 30, "y": 35 + 17})
    expect(drawer.get_by_text("1 of 12")).to_be_visible()
    settled(page)
    page.keyboard.press("ArrowRight")
    expect(drawer.get_by_text("2 of 12")).to_be_visible()
    assert "row=" in page.url
    drawer.get_by_text("Raw request").click()
    expect(drawer.get_by_text('"messages"').first).to_be_visible()
