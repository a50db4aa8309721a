"""From the first click to scores, rows and files, in a real browser with a real worker."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from browser.studio import click_row, pick, settled
from mock_process import MockProcess
from playwright.sync_api import Page, expect

from prompt_app.datamodel.evaluation import EvaluationSpec
from prompt_app.workbench import Workbench

pytestmark = pytest.mark.xdist_group("browser")  # one studio for all

NewPage = Callable[..., Page]
CSV = (
    "question,context,answers\n"
    "Who wrote Hamlet?,Hamlet is a play by William Shakespeare.,"
    "William Shakespeare<OR>Shakespeare\n"
    "What is the capital of France?,Paris is the capital of France.,Paris\n"
    'When did the war end?,"The war ended in 1945, in May.",1945\n'
)


def test_the_example_runs_within_three_clicks(studio: str, new_page: NewPage) -> None:
    page = new_page()
    page.goto(studio)
    settled(page)
    page.get_by_role("button", name="Run the example").click()
    page.wait_for_url("**/run?id=*")
    scores = page.get_by_role("heading", name="Scores", exact=True)
    expect(scores).to_be_visible()
    expect(page.get_by_text("40 scored, 0 failed, 0 skipped").first).to_be_visible()
    expect(page.get_by_text(re.compile(r"95% interval 0\.\d+ – 0\.\d+")).first).to_be_visible()

    page.get_by_label("Search rows").fill("nile")
    expect(page.get_by_text("2 rows", exact=True)).to_be_visible()
    settled(page)
    click_row(page, 0)
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_text("1 of 2")).to_be_visible()
    expect(drawer.get_by_text("Khartoum").first).to_be_visible()
    drawer.get_by_role("button", name="Next").click()
    expect(drawer.get_by_text("2 of 2")).to_be_visible()
    drawer.get_by_role("button", name="Close").click()
    expect(drawer).to_be_hidden()

    page.locator("[class*=st-key-download-file]").get_by_role("button").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="JSONL").click()
    lines = Path(download.value.path()).read_text("utf-8").splitlines()
    assert len(lines) == 40
    first = json.loads(lines[0])
    assert first["state"] == "scored"
    assert first["reply"]
    assert first["input.answers"] == ["Khartoum"]


@pytest.mark.parametrize("width", [1280, 390])
def test_a_csv_file_becomes_a_scored_run(
    studio: str, new_page: NewPage, tmp_path: Path, width: int
) -> None:
    file = tmp_path / f"quiz-{width}.csv"
    file.write_text(CSV, "utf-8")
    page = new_page(width=width)
    page.goto(f"{studio}/evaluate")
    settled(page)
    page.get_by_text("Upload a file").click()
    settled(page)
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("3 rows, all of them good.")).to_be_visible()
    page.get_by_role("button", name="Add dataset").click()
    expect(page.get_by_text("3 rows · reference answers in answers")).to_be_visible()
    settled(page)
    written = page.get_by_label("User message")
    if not written.is_visible():
        page.get_by_text("Write a new prompt").click()
    written.fill("Passage: {context}\n\nQuestion: {question}\nAnswer:")
    written.press("Control+Enter")
    expect(page.get_by_text("my-prompt on the first row")).to_be_visible()
    pick(page.get_by_role("combobox", name="Models"), "offline:extractive")
    page.keyboard.press("Escape")
    expect(page.get_by_text("Input tokens", exact=True)).to_be_visible()
    settled(page)
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/run?id=*")
    expect(page.get_by_text("3 scored, 0 failed, 0 skipped").first).to_be_visible()


def test_progress_is_live_and_a_run_can_be_paused_and_resumed(
    studio: str, new_page: NewPage, workbench: Workbench, mock_process: MockProcess
) -> None:
    mock_process.control(latency_ms=1500)
    spec = EvaluationSpec.model_validate(
        {
            "dataset": "geography",
            "prompts": ["with-passage"],
            "models": [
                {"provider": "openai", "name": "extractive", "base_url": f"{mock_process.url}/v1"}
            ],
            "metrics": ["squad_f1"],
            "limits": {"max_concurrency": 1},
        }
    )
    (run_id,) = workbench.submit_evaluation(spec).run_ids
    page = new_page()
    page.goto(f"{studio}/run?id={run_id}")
    expect(page.get_by_text(re.compile(r"^[1-9]\d* of 40 samples"))).to_be_visible()
    page.close()  # the run does not depend on anyone looking
    page = new_page()
    page.goto(f"{studio}/run?id={run_id}")
    settled(page)
    pick(page.get_by_role("combobox", name="Open a row"), "Row 1")
    opened = page.get_by_role("dialog")
    expect(opened.get_by_text("Example ", exact=False).first).to_be_visible()
    other = new_page()
    other.goto(f"{studio}/run?id={run_id}")
    other.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume", include_hidden=True)).to_be_attached()
    settled(page)
    expect(opened).to_be_visible()  # what the run does closes no row
    page.keyboard.press("Escape")
    expect(opened).to_be_hidden()
    assert 0 < workbench.run(run_id).progress.done < 40
    mock_process.control(latency_ms=0)
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("40 scored, 0 failed, 0 skipped").first).to_be_visible()
    assert mock_process.stats()["answered"] == 40
