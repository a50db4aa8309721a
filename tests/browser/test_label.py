"""Labelling with the keyboard alone, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from browser.accessibility import check_accessibility
from browser.studio import ended, settled
from playwright.sync_api import Page, expect

from prompt_app.datamodel.labelling import LabelRubric
from prompt_app.workbench import Workbench

pytestmark = pytest.mark.xdist_group("browser")  # one studio for all

NewPage = Callable[..., Page]


@pytest.fixture
def run_ids(studio: str, workbench: Workbench) -> list[str]:
    """Of the finished example."""
    workbench.load_examples()
    runs = workbench.submit_evaluation(workbench.example_evaluation()).run_ids
    for run_id in runs:
        ended(workbench, run_id)
    return list(runs)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_queue_is_worked_through_with_keys(
    studio: str, new_page: NewPage, workbench: Workbench, run_ids: list[str], width: int
) -> None:
    name = f"keys-{run_ids[0]}"
    workbench.labelling.create(name, run_ids[:1], LabelRubric(), metric="exact_match")
    page = new_page(width=width)
    page.goto(f"{studio}/label?queue={name}")
    expect(page.get_by_text("0 of 40 rows labelled")).to_be_visible()
    settled(page)
    page.keyboard.press("2")
    expect(page.get_by_text("1 of 40 rows labelled")).to_be_visible()
    settled(page)
    page.keyboard.press("1")
    expect(page.get_by_text("2 of 40 rows labelled")).to_be_visible()
    settled(page)
    page.keyboard.press("s")
    expect(page.get_by_text("You: 2 labelled, 1 skipped")).to_be_visible()
    settled(page)
    page.keyboard.press("u")
    expect(page.get_by_text("You: 2 labelled, 0 skipped")).to_be_visible()
    settled(page)
    comment = page.get_by_label("Comment")
    comment.fill("")
    comment.press_sequentially("1 is too strict, so 2")  # keys of a text are no answers
    page.get_by_role("button", name="pass").click()
    expect(page.get_by_text("3 of 40 rows labelled")).to_be_visible()
    answers = workbench.labelling.answers(name)
    assert [each.label for each in answers] == ["pass", "fail", "pass"]
    assert answers[-1].comment == "1 is too strict, so 2"
    settled(page)
    page.get_by_text("Who said what").click()
    expect(page).to_have_url(re.compile("answers=true"))
    expect(page.get_by_text("3 answers", exact=True)).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_replies_side_by_side_are_accessible(
    studio: str,
    new_page: NewPage,
    workbench: Workbench,
    run_ids: list[str],
    width: int,
    scheme: str,
) -> None:
    name = f"pairs-{run_ids[0]}-{width}"
    workbench.labelling.create(name, run_ids, LabelRubric(question="Which reply is better?"))
    page = new_page(width=width, scheme=scheme)
    page.goto(f"{studio}/label")
    expect(page.get_by_role("link", name=name)).to_be_visible()
    settled(page)
    check_accessibility(page)
    page.get_by_role("link", name=name).click()
    page.wait_for_url("**/label?queue=*row=*")
    expect(page.get_by_role("button", name="Right is better")).to_be_visible()
    settled(page)
    for side in run_ids:
        assert workbench.run(side).name not in page.inner_text('[data-testid="stMain"]')
    excess = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert excess <= 0
    check_accessibility(page)
