"""Rows of a dataset edited in a real table, and what becomes of edits that are not saved yet."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from browser.accessibility import check_accessibility
from browser.studio import settled
from playwright.sync_api import Page, expect

from prompt_app.workbench import Workbench
from prompt_app.workbench.editing import RowEdits

pytestmark = pytest.mark.xdist_group("browser")  # one studio for all

NewPage = Callable[..., Page]
ROW_HEIGHT = 35


@pytest.fixture
def name(workbench: Workbench, request: pytest.FixtureRequest) -> str:
    """A dataset of this test alone."""
    workbench.load_examples()
    name = f"set-{abs(hash(request.node.nodeid)) % 10**9}"
    workbench.curation.copy("geography", name)
    return name


def type_into(page: Page, row: int, x: int, text: str) -> None:
    """Into a cell of the table, which is drawn on a canvas; ``row`` counts from 0."""
    table = page.get_by_role("region", name="Rows of the dataset")
    table.scroll_into_view_if_needed()
    table.dblclick(position={"x": x, "y": ROW_HEIGHT * (row + 1) + 17})
    editor = page.locator("#portal textarea")
    editor.fill(text)
    editor.press("Enter")


def test_edits_outlive_other_pages_and_become_a_version(
    studio: str, new_page: NewPage, workbench: Workbench, name: str
) -> None:
    page = new_page()
    page.goto(f"{studio}/dataset?name={name}")
    settled(page)
    type_into(page, 0, 330, "Mended topic")
    expect(page.get_by_text("Not saved yet: 1 changed")).to_be_visible()
    page.get_by_label("Search rows").fill("danube")
    expect(page.get_by_text("2 rows", exact=True)).to_be_visible()
    settled(page)
    type_into(page, 0, 330, "Another topic")
    expect(page.get_by_text("Not saved yet: 2 changed")).to_be_visible()
    page.get_by_label("Note").fill("Two topics")
    page.get_by_role("button", name="Save as version 2").click()
    expect(page.get_by_text("Two topics")).to_be_visible()
    saved = workbench.dataset(name)
    assert saved.number == 2
    topics = [row.fields["topic"] for row in workbench.examples(saved)]
    assert topics.count("Mended topic") == topics.count("Another topic") == 1


def test_an_edit_of_a_stale_version_is_kept_and_moved(
    studio: str, new_page: NewPage, workbench: Workbench, name: str
) -> None:
    page = new_page()
    page.goto(f"{studio}/dataset?name={name}")
    settled(page)
    type_into(page, 0, 330, "Mine")
    expect(page.get_by_text("Not saved yet: 1 changed")).to_be_visible()
    version = workbench.dataset(name)
    other = workbench.examples(version)[1]
    workbench.curation.save_edits(version, RowEdits({other.id: {"topic": "Theirs"}}))
    page.get_by_role("button", name="Save as version 2").click()
    expect(page.get_by_text("was saved meanwhile")).to_be_visible()
    page.get_by_role("button", name="Apply them to version 2").click()
    page.get_by_role("button", name="Save as version 3").click()
    expect(page.get_by_text("Not saved yet")).to_be_hidden()
    topics = [row.fields["topic"] for row in workbench.examples(workbench.dataset(name))]
    assert topics[:2] == ["Mine", "Theirs"]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_pages_are_accessible_and_fit(
    studio: str, new_page: NewPage, workbench: Workbench, name: str, width: int, scheme: str
) -> None:
    version = workbench.dataset(name)
    first = workbench.examples(version)[0]
    changed = {first.id: {"question": "<b>bold</b> [x](javascript:1)"}}
    second = workbench.curation.save_edits(version, RowEdits(changed))
    workbench.curation.deal_splits(second, {"dev": 0.5}, 1)
    page = new_page(width=width, scheme=scheme)
    views = ("", "&view=Schema", "&view=Versions&version=2", "&view=Splits")
    for path in ("/datasets", *(f"/dataset?name={name}{view}" for view in views)):
        page.goto(studio + path)
        settled(page)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        settled(page)
        excess = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert excess <= 0, path
        check_accessibility(page)
    page.goto(f"{studio}/dataset?name={name}&view=Versions&version=2")
    expect(page.get_by_text("<b>bold</b>").first).to_be_visible()
    assert page.locator("a[href^='javascript']").count() == 0
