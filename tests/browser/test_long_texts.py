"""A megabyte of text does not reach the browser: each page shows a beginning, and says so once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from browser.studio import click_row, settled
from playwright.sync_api import Page, expect

from prompt_app.datamodel.evaluation import EvaluationSpec
from prompt_app.datamodel.prompt import Message, PromptTemplate
from prompt_app.settings import Settings
from prompt_app.workbench import open_workbench

pytestmark = pytest.mark.xdist_group("browser")  # one studio for all

LONG = ("<img src=x onerror='taken = 1'> " + "word " * 200_000)[:1_000_000]
FULL = {1_000_000, 1_000_001, 400_000, 400_004}
"""Lengths of the texts: one prompt puts a letter before, and a list has brackets and quotes."""
TOLD = {f"… {each - most:,} more characters" for each in FULL for most in (20_000, 600)}
MOST_BYTES = 600_000
"""Of all that the server sends for a visit."""


@pytest.fixture(scope="module")
def long_runs(studio: str, studio_folder: Path) -> tuple[str, ...]:
    """Two runs that reply a megabyte to each row, whose reference answer is nearly as long."""
    path = studio_folder / "long.jsonl"
    rows = [{"question": f"{n}{LONG}"[:1_000_000], "answers": [LONG[:400_000]]} for n in range(3)]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    workbench = open_workbench(Settings(data_dir=studio_folder / "data"))
    workbench.import_dataset(path, name="long")
    templates = {
        name: PromptTemplate(messages=(Message(role="user", content=text),))
        for name, text in (("long", "{question}"), ("other", "b{question}"))
    }
    for name, template in templates.items():
        workbench.save_prompt(name, template)
    spec = EvaluationSpec.model_validate(
        {
            "dataset": {"name": "long"},
            "prompts": [{"ref": name} for name in templates],
            "models": ["offline:echo"],
            "metrics": ["exact_match"],
        }
    )
    runs = workbench.submit_evaluation(spec).run_ids
    workbench.close()
    return runs


class Visits:
    """A page, and how much its server sent it since the last address."""

    def __init__(self, page: Page, studio: str) -> None:
        self.page = page
        self._studio = studio
        self.sent = 0
        page.on("websocket", lambda socket: socket.on("framereceived", self._note))

    def go(self, address: str) -> Page:
        self.sent = 0
        self.page.goto(self._studio + address)
        settled(self.page)
        return self.page

    def _note(self, data: str | bytes) -> None:
        self.sent += len(data)


@pytest.fixture
def visits(studio: str, new_page: Callable[..., Page]) -> Visits:
    return Visits(new_page(), studio)


def test_a_row_and_a_comparison_show_a_beginning(
    visits: Visits, long_runs: tuple[str, ...]
) -> None:
    page = visits.go(f"/run?id={long_runs[0]}")
    expect(page.get_by_text("3 scored, 0 failed, 0 skipped").first).to_be_visible()
    settled(page)
    click_row(page, 0)
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_text("… 380,000 more characters").first).to_be_visible()
    expect(drawer.get_by_text("the words that differ are not marked")).to_be_visible()
    settled(page)
    _is_inert(page)
    assert visits.sent < MOST_BYTES
    visits.go(f"/compare?runs={','.join(long_runs)}&change=Same")
    expect(page.get_by_text("… 980,000 more characters").first).to_be_visible()
    _is_inert(page)
    assert visits.sent < MOST_BYTES


def test_a_dataset_is_edited_around_what_is_too_long(
    visits: Visits, long_runs: tuple[str, ...]
) -> None:
    page = visits.go("/dataset?name=long")
    expect(page.get_by_role("region", name="Rows of the dataset")).to_be_visible()
    expect(page.get_by_text("Columns with very long texts are cut")).to_be_visible()
    assert visits.sent < MOST_BYTES


def test_a_long_row_is_played_whole_and_shown_cut(
    visits: Visits, long_runs: tuple[str, ...]
) -> None:
    page = visits.go("/prompt?name=long&on=long")
    expect(page.get_by_text("… 980,000 more characters")).to_be_visible()
    assert visits.sent < MOST_BYTES
    visits.go("/playground?prompts=long@1&models_played=offline:echo&on=long")
    expect(page.get_by_text("is sent whole")).to_be_visible()
    page.get_by_role("button", name="Call 1").click()
    expect(page.get_by_text("… 980,000 more characters")).to_be_visible()
    _is_inert(page)
    page.get_by_role("button", name="Save as row").click()
    expect(page.get_by_role("dialog").get_by_text("is saved whole")).to_be_visible()
    assert visits.sent < MOST_BYTES


def _is_inert(page: Page) -> None:
    """No markup of it came to life, and what was cut is counted right."""
    assert page.locator("img[onerror]").count() == 0
    assert page.evaluate("window.taken") is None
    shown = page.get_by_text("more characters").all_inner_texts()
    told = {line for text in shown for line in text.splitlines() if "more characters" in line}
    assert told <= TOLD
