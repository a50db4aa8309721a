"""A run's page: its judge, its rows by keyboard, and addresses that show the same to others."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from browser.accessibility import check_accessibility
from browser.studio import click_row, ended, pick, settled
from mock_process import MockProcess
from playwright.sync_api import Page, expect

from prompt_app.datamodel.evaluation import EvaluationSpec
from prompt_app.workbench import Workbench

pytestmark = pytest.mark.xdist_group("browser")  # one studio for all
NewPage = Callable[..., Page]


@pytest.fixture
def judged(workbench: Workbench, tmp_path: Path) -> str:
    """A run with a judge, over rows that people have labelled."""
    rows = [
        {"question": f"Say {n}", "answers": f"Say {n if n % 2 else 'no'}", "human": n % 2}
        for n in range(40)
    ]
    path = tmp_path / "judged.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    spec = {
        "dataset": {"path": str(path)},
        "prompts": [{"name": "say", "template": "{question}"}],
        "models": ["offline:echo"],
        "metrics": ["exact_match", {"name": "qa_accuracy_by_llm", "judge": "offline:judge"}],
    }
    run_id = workbench.submit_evaluation(EvaluationSpec.model_validate(spec)).run_ids[0]
    ended(workbench, run_id)
    return run_id


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_judge_is_held_against_people_and_asked_again(
    studio: str, new_page: NewPage, judged: str, width: int, scheme: str
) -> None:
    page = new_page(width=width, scheme=scheme)
    page.goto(f"{studio}/run?id={judged}")
    expect(page.get_by_text("40 scored, 0 failed, 0 skipped").first).to_be_visible()
    settled(page)
    page.get_by_text("May the judge be trusted?").click()
    labels = page.get_by_role("combobox", name="Field with people's labels")
    expect(labels).to_be_visible()
    settled(page)
    pick(labels, "human")
    expect(page.get_by_text("Labelled by people, and judged: 40 rows.")).to_be_visible()
    expect(page.get_by_role("region", name="Agreement with people")).to_be_visible()
    page.get_by_role("button", name="Judge them again").click()
    expect(page.get_by_text("10 of 10 scores as before")).to_be_visible()
    assert "judges=true" in page.url
    settled(page)
    check_accessibility(page)
    excess = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert excess <= 0


def test_rows_are_turned_by_keyboard_and_the_focus_stays(
    studio: str, new_page: NewPage, judged: str
) -> None:
    page = new_page()
    page.goto(f"{studio}/run?id={judged}")
    expect(page.get_by_text("40 scored, 0 failed, 0 skipped").first).to_be_visible()
    settled(page)
    click_row(page, 0)
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_text("1 of 40")).to_be_visible()
    settled(page)
    page.keyboard.press("ArrowRight")
    expect(drawer.get_by_text("2 of 40")).to_be_visible()
    settled(page)
    drawer.get_by_role("button", name="Next").focus()
    page.keyboard.press("Enter")
    expect(drawer.get_by_text("3 of 40")).to_be_visible()
    expect(drawer.get_by_role("button", name="Next")).to_be_focused()
    settled(page)
    page.keyboard.press("Enter")
    expect(drawer.get_by_text("4 of 40")).to_be_visible()
    expect(drawer.get_by_role("button", name="Next")).to_be_focused()
    settled(page)
    page.keyboard.press("ArrowLeft")
    expect(drawer.get_by_text("3 of 40")).to_be_visible()
    assert "row=" in page.url
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(page).not_to_have_url(re.compile("row="))


def test_a_row_is_opened_without_a_pointer(studio: str, new_page: NewPage, judged: str) -> None:
    page = new_page(width=390)
    page.goto(f"{studio}/run?id={judged}")
    settled(page)
    pick(page.get_by_role("combobox", name="Open a row"), "Row 2")
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_text("2 of 40")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(drawer.get_by_text("3 of 40")).to_be_visible()
    address = page.url
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()

    page.goto(address)
    expect(drawer.get_by_text("3 of 40")).to_be_visible()
    settled(page)
    page.keyboard.press("ArrowLeft")
    expect(drawer.get_by_text("2 of 40")).to_be_visible()


def test_a_run_that_goes_on_takes_nothing_from_who_looks_on(
    studio: str, new_page: NewPage, workbench: Workbench, mock_process: MockProcess
) -> None:
    """Rows appear with the first samples; what is open and half typed outlives the run's end."""
    mock_process.control(p_429=1, retry_after=1)
    spec = {
        "dataset": "geography",
        "prompts": ["with-passage"],
        "models": [
            {"provider": "openai", "name": "extractive", "base_url": f"{mock_process.url}/v1"}
        ],
        "metrics": ["squad_f1"],
        "limits": {"max_concurrency": 1},
        "cache": "off",
    }
    workbench.load_examples()
    (run_id,) = workbench.submit_evaluation(EvaluationSpec.model_validate(spec)).run_ids
    page = new_page()
    page.goto(f"{studio}/run?id={run_id}")
    expect(page.get_by_text("Rows appear here")).to_be_visible()
    mock_process.control(p_429=0, latency_ms=500)
    expect(page.get_by_role("region", name="Rows of this run")).to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    settled(page)
    least = page.get_by_label("Least")
    least.fill("0.25")
    page.get_by_role("button", name="Failures as dataset").click()
    name = page.get_by_label("Dataset", exact=True)
    name.fill("half a na")
    mock_process.control(latency_ms=0)
    expect(page.get_by_text("40 scored, 0 failed, 0 skipped").first).to_be_visible()
    settled(page)
    expect(name).to_be_visible()
    expect(name).to_have_value("half a na")
    expect(least).to_have_value("0.25")


def test_an_address_shows_a_colleague_the_same(studio: str, new_page: NewPage, judged: str) -> None:
    page = new_page()
    page.goto(f"{studio}/run?id={judged}")
    expect(page.get_by_text("40 scored, 0 failed, 0 skipped").first).to_be_visible()
    settled(page)
    page.get_by_role("button", name="Page 2").click()
    expect(page).to_have_url(re.compile("page=2"))
    settled(page)
    click_row(page, 0)
    expect(page.get_by_role("dialog").get_by_text("26 of 40")).to_be_visible()
    other = new_page()
    other.goto(page.url)
    opened = other.get_by_role("dialog")
    expect(opened).to_be_visible()
    example = page.get_by_role("dialog").get_by_text("Example ", exact=False).first.inner_text()
    expect(opened.get_by_text(example)).to_be_visible()
    other.keyboard.press("Escape")
    settled(other)
    click_row(other, 1)
    expect(other.get_by_role("dialog").get_by_text("27 of 40")).to_be_visible()


def test_a_report_is_one_file(studio: str, new_page: NewPage, judged: str, tmp_path: Path) -> None:
    page = new_page()
    page.goto(f"{studio}/run?id={judged}")
    expect(page.get_by_text("40 scored, 0 failed, 0 skipped").first).to_be_visible()
    settled(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="HTML report").click()
    file = tmp_path / "report.html"
    download.value.save_as(file)
    for scheme in ("light", "dark"):
        report = new_page(scheme=scheme)
        report.set_content(file.read_text("utf-8"))
        expect(report.get_by_role("heading", name="Scores")).to_be_visible()
        check_accessibility(report)


def test_back_leads_to_what_was_shown(studio: str, new_page: NewPage, judged: str) -> None:
    page = new_page()
    page.goto(f"{studio}/run?id={judged}&q=say")
    expect(page.get_by_role("heading", name="say", exact=False).first).to_be_visible()
    settled(page)
    page.get_by_role("link", name="Datasets", exact=True).click()
    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
    settled(page)
    page.go_back()
    expect(page.get_by_role("heading", name="say", exact=False).first).to_be_visible()
    expect(page.get_by_text("This address names no run.")).to_be_hidden()
