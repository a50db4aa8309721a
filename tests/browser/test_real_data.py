"""Files that this project did not write are uploaded, evaluated and scored in the studio."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from browser.studio import settled
from playwright.sync_api import Page, expect
from real_data import real_file

from prompt_app.workbench import Workbench

pytestmark = pytest.mark.xdist_group("browser")  # one studio for all

NewPage = Callable[..., Page]


@dataclass(frozen=True)
class Trial:
    rows: int
    references: str
    prompt: str
    model: str
    metric: str
    scores: tuple[float, float]
    """The least and the greatest mean that makes sense."""
    sample: int | None = None


TABLE = Trial(
    20, "Reference Answer(s)", "{Question} {Reference Answer(s)}", "offline:echo",
    "factual_knowledge", (1, 1),
)  # fmt: skip
TRIALS = {
    "squad-qa-20.jsonl": Trial(
        20, "answers", "Passage: {doc}\n\nQuestion: {question}\nAnswer:", "offline:extractive",
        "factual_knowledge", (0.4, 0.95),
    ),
    "squad-qa.csv": TABLE,
    "squad-qa.xlsx": TABLE,
    "gsm8k-test.jsonl": Trial(1319, "answer", "{answer}", "offline:echo", "numeric_match", (1, 1),
                              sample=100),
}  # fmt: skip


def choose(page: Page, label: str, text: str) -> None:
    """An entry of a list of several, which typing narrows."""
    box = page.get_by_role("combobox", name=label)
    box.click()
    box.press_sequentially(text)
    expect(page.get_by_role("option").filter(has_text=text).first).to_be_visible()
    box.press("Enter")
    page.keyboard.press("Escape")
    settled(page)


@pytest.mark.parametrize("name", TRIALS)
def test_it_is_uploaded_and_scored(
    studio: str, new_page: NewPage, workbench: Workbench, name: str
) -> None:
    trial = TRIALS[name]
    file = real_file(name)
    page = new_page()
    page.goto(f"{studio}/evaluate")
    settled(page)
    page.get_by_text("Upload a file").click()
    settled(page)
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text(f"{trial.rows:,} rows, all of them good.")).to_be_visible()
    page.get_by_label("Dataset name").fill(name.replace(".", "-"))
    page.keyboard.press("Enter")
    settled(page)
    page.get_by_role("button", name="Add dataset").click()
    told = f"{trial.rows:,} rows · reference answers in {trial.references}"
    expect(page.get_by_text(told)).to_be_visible()
    settled(page)
    if trial.sample is not None:
        page.get_by_role("spinbutton", name="Sample size").fill(str(trial.sample))
        page.keyboard.press("Enter")
        settled(page)
    written = page.get_by_label("User message")
    if not written.is_visible():
        page.get_by_text("Write a new prompt").click()
    written.fill(trial.prompt)
    written.press("Control+Enter")
    expect(page.get_by_text("my-prompt on the first row")).to_be_visible()
    choose(page, "Models", trial.model)
    choose(page, "Metrics", trial.metric)
    expect(page.get_by_text("Input tokens", exact=True)).to_be_visible()
    settled(page)
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/run?id=*")
    samples = trial.sample or trial.rows
    expect(page.get_by_text(f"{samples} scored, 0 failed, 0 skipped").first).to_be_visible()
    expect(page.get_by_text(trial.metric, exact=True).first).to_be_visible()
    run = workbench.run(re.findall(r"id=([\w-]+)", page.url)[0])
    (mean,) = (each.mean for each in run.summary if each.metric == trial.metric)
    assert mean is not None
    least, most = trial.scores
    assert least <= mean <= most
    assert run.progress.total == samples
