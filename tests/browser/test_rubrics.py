"""Rubrics in a real browser: load the example, test, read the report, release, compare."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from browser.accessibility import check_accessibility
from browser.studio import pick, settled
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from prompt_app.datamodel.rubric_test import RubricTest, RubricTestOptions
from prompt_app.workbench import Workbench

pytestmark = pytest.mark.xdist_group("browser")  # one studio for all

L1 = "L1-moving-things"
NewPage = Callable[..., Page]


@pytest.fixture
def tested(workbench: Workbench) -> RubricTest:
    """A finished test of the shipped example; nothing here changes one."""
    workbench.rubrics.load_example()
    options = RubricTestOptions(dataset="games", experiment="baseline")
    for known in workbench.rubrics.tests(limit=5).items:
        if known.state == "finished" and known.options == options:
            return known
    started = workbench.rubrics.start(options)
    while (test := workbench.rubrics.test(started.id)).is_active:
        time.sleep(0.05)
    assert test.state == "finished", test.reason
    return test


@pytest.mark.parametrize("width", [1280, 390])
def test_from_the_example_to_a_report(studio: str, new_page: NewPage, width: int) -> None:
    page = new_page(width=width)
    page.goto(f"{studio}/rubrics")
    settled(page)
    load = page.get_by_role("button", name="Load the example")
    if load.is_visible():
        load.click()
    expander = page.get_by_text("New test", exact=True)
    expect(expander).to_be_visible()
    settled(page)
    start = page.get_by_role("button", name="Start the test")
    if not start.is_visible():
        expander.click()
    expect(page.get_by_text("24 works:")).to_be_visible()
    settled(page)
    check_accessibility(page)
    start.click()
    page.wait_for_url("**/rubric-test?id=*")
    expect(page.get_by_text("Labels that agree")).to_be_visible()
    expect(page.get_by_role("heading", name="Confusion")).to_be_visible()
    settled(page)
    check_accessibility(page)


def test_an_address_says_what_is_shown(studio: str, new_page: NewPage, tested: RubricTest) -> None:
    page = new_page()
    address = f"{studio}/rubric-test?id={tested.id}&lesson=L2-reacting&show=Pass+or+fail"
    page.goto(address)
    settled(page)
    lesson = page.locator('[data-testid="stSelectbox"] input').first
    expect(lesson).to_have_value("L2-reacting")
    expect(page.get_by_role("radio", name="Pass or fail")).to_be_checked()
    page.get_by_role("button", name="Disagreements").click()
    settled(page)
    assert "only=Disagreements" in page.url
    page.get_by_text("What is unclear in the rubric").click()
    expect(page).to_have_url(re.compile("unclear=true"))
    page.goto(f"{studio}/rubrics?view=Datasets")
    settled(page)
    pick(page.get_by_role("combobox", name="Work"), "basil")
    expect(page).to_have_url(re.compile(r"work=basil\.js"))
    page.reload()
    expect(page.get_by_role("combobox", name="Work")).to_have_value("basil.js")


def colour_at(element: Locator, x: int, y: int) -> tuple[int, int, int]:
    image = Image.open(io.BytesIO(element.screenshot())).convert("RGB")
    red, green, blue = image.getpixel((x, y))  # type: ignore[misc]
    return red, green, blue


def test_a_work_opens_beside_the_table(
    studio: str, new_page: NewPage, tested: RubricTest, workbench: Workbench
) -> None:
    """By the pointer, by the keyboard, and by its address."""
    names = [each.student for each in workbench.rubrics.result(tested.id, L1).students]
    second, third = names[1:3]
    page = new_page()
    page.goto(f"{studio}/rubric-test?id={tested.id}")
    settled(page)
    table = page.get_by_role("region", name="Works of this lesson")
    table.scroll_into_view_if_needed()
    red, green, _ = colour_at(table, 300, 35 + 5)
    assert green > red + 10, "a label that agrees is on green"
    table.click(position={"x": 15, "y": 35 + 17})
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_text("people:").first).to_be_visible()
    settled(page)
    check_accessibility(page)
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(page).not_to_have_url(re.compile("work="))

    settled(page)
    pick(page.get_by_role("combobox", name="Open a work"), second)
    expect(drawer.get_by_text(second, exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(f"work={second}"))
    page.reload()
    expect(drawer.get_by_text(second, exact=True)).to_be_visible()
    expect(drawer.get_by_text(f"2 of {len(names)}")).to_be_visible()
    settled(page)
    page.keyboard.press("ArrowRight")
    expect(drawer.get_by_text(third, exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(f"work={third}"))
    settled(page)
    drawer.get_by_role("button", name="Previous").click()
    expect(drawer.get_by_text(second, exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(f"work={second}"))


def test_the_report_is_downloaded(studio: str, new_page: NewPage, tested: RubricTest) -> None:
    page = new_page()
    page.goto(f"{studio}/rubric-test?id={tested.id}")
    settled(page)
    page.get_by_role("button", name="Download the report").click()
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Report, exact label").click()
    text = Path(downloading.value.path()).read_text("utf-8")
    assert "<html" in text
    assert L1 in text


def test_a_release_is_made_compared_and_promoted(
    studio: str, new_page: NewPage, tested: RubricTest, workbench: Workbench
) -> None:
    page = new_page()
    page.goto(f"{studio}/rubric-test?id={tested.id}")
    settled(page)
    page.get_by_text("Release", exact=True).click()
    page.get_by_label("Name of the release").fill("browser")
    page.get_by_label("Name of the release").press("Enter")
    page.get_by_role("button", name="Make the release").click()
    expect(page.get_by_text("Written:")).to_be_visible()

    page.goto(
        f"{studio}/rubrics?view=Releases&release-lesson={L1}&baseline=first&candidate=browser"
    )
    expect(page.get_by_text("In use for L1")).to_be_visible()
    expect(page.get_by_text("Changed:")).to_be_visible()
    settled(page)
    check_accessibility(page)
    page.get_by_role("button", name="Promote").click()
    expect(page.get_by_text(f"In use for {L1}: browser")).to_be_visible()
    assert workbench.rubrics.promoted()[L1] == "browser"


@pytest.mark.parametrize("view", ["Tests", "Experiments", "Datasets", "Releases"])
def test_every_view_fits_a_phone(
    studio: str, new_page: NewPage, tested: RubricTest, view: str
) -> None:
    page = new_page(width=390, scheme="dark")
    page.goto(f"{studio}/rubrics?view={view}")
    settled(page)
    check_accessibility(page)
    labels = page.get_by_role("region", name="People's labels")
    expect(labels).to_have_count(1 if view == "Datasets" else 0)
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0


def test_the_report_fits_a_phone(studio: str, new_page: NewPage, tested: RubricTest) -> None:
    page = new_page(width=390, scheme="dark")
    page.goto(f"{studio}/rubric-test?id={tested.id}")
    settled(page)
    expect(page.get_by_role("heading", name="Confusion")).to_be_visible()
    settled(page)
    check_accessibility(page)
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
