"""What is written and not saved outlives a reload, and leaving the page for another one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from browser.accessibility import check_accessibility
from browser.studio import pick, settled
from browser.test_datasets import type_into
from playwright.sync_api import Dialog, Page, expect

from prompt_app.workbench import Workbench

pytestmark = pytest.mark.xdist_group("browser")  # one studio for all
NewPage = Callable[..., Page]


def leave(dialog: Dialog) -> None:
    dialog.accept()


def test_a_prompt_that_was_not_saved_outlives_a_reload(studio: str, new_page: NewPage) -> None:
    page = new_page()
    page.on("dialog", leave)  # the browser asks before it drops what is not saved
    page.goto(f"{studio}/prompt")
    settled(page)
    page.get_by_label("Text of message 2").fill("Say it in one word: {question}")
    page.get_by_label("Name", exact=True).fill("one-word")
    page.get_by_label("Name", exact=True).press("Enter")
    settled(page)
    page.reload()
    expect(page.get_by_label("Text of message 2")).to_have_value("Say it in one word: {question}")
    expect(page.get_by_label("Name", exact=True)).to_have_value("one-word")
    page.get_by_role("button", name="Save version").click()
    expect(page.get_by_text("Saved as version 1 of one-word")).to_be_visible()
    page.wait_for_function(
        "() => !Object.values(sessionStorage).some((kept) => kept.includes('in one word'))"
    )
    page.goto(f"{studio}/prompt")
    settled(page)
    expect(page.get_by_label("Text of message 2")).to_have_value("")


def test_an_evaluation_waits_for_the_prompt_that_the_editor_makes(
    studio: str, new_page: NewPage, workbench: Workbench
) -> None:
    workbench.load_examples()
    page = new_page()
    page.on("dialog", leave)
    page.goto(f"{studio}/evaluate")
    settled(page)
    pick(page.get_by_role("combobox", name="Models"), "offline:echo")
    page.keyboard.press("Escape")
    settled(page)
    page.get_by_role("link", name="Write it in the editor").click()
    expect(page.get_by_role("heading", name="New prompt")).to_be_visible()
    settled(page)
    page.get_by_label("Text of message 2").fill("Answer: {question}")
    page.get_by_label("Name", exact=True).fill("from-editor")
    page.get_by_label("Name", exact=True).press("Enter")
    settled(page)
    page.get_by_role("button", name="Save version").click()
    page.get_by_role("button", name="Use it in the evaluation").click()
    expect(page.get_by_role("heading", name="New evaluation")).to_be_visible()
    settled(page)
    expect(page.get_by_text("from-editor@1", exact=True)).to_be_visible()
    expect(page.get_by_text("offline:echo", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_text("from-editor@1", exact=True)).to_be_visible()
    expect(page.get_by_text("offline:echo", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    settled(page)
    check_accessibility(page)


def test_edits_of_rows_outlive_a_reload(
    studio: str, new_page: NewPage, workbench: Workbench
) -> None:
    workbench.load_examples()
    workbench.curation.copy("geography", "reloaded")
    page = new_page()
    page.goto(f"{studio}/dataset?name=reloaded")
    settled(page)
    type_into(page, 0, 330, "Mended topic")
    expect(page.get_by_text("Not saved yet: 1 changed")).to_be_visible()
    settled(page)
    page.reload()
    expect(page.get_by_text("Not saved yet: 1 changed")).to_be_visible()
    page.get_by_role("button", name="Save as version 2").click()
    expect(page.get_by_text("Not saved yet")).to_be_hidden()
    assert workbench.examples(workbench.dataset("reloaded"))[0].fields["topic"] == "Mended topic"
