"""Writing a prompt: fields are completed, a row is shown as it is written, nothing is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from browser.studio import settled
from playwright.sync_api import Page, expect

from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.workbench import Workbench

pytestmark = pytest.mark.xdist_group("browser")  # one studio for all

NewPage = Callable[..., Page]
HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=1</script> {question}'


@pytest.fixture(autouse=True)
def example(workbench: Workbench) -> None:
    workbench.load_examples()


def versions(workbench: Workbench, name: str) -> list[str]:
    found = workbench.prompt_library.versions(name).items
    return [each.template.messages[-1].content for each in found]


def test_a_prompt_is_written_saved_labelled_and_compared(
    studio: str, new_page: NewPage, workbench: Workbench
) -> None:
    page = new_page()
    page.goto(f"{studio}/prompts")
    settled(page)
    page.get_by_role("button", name="New prompt").click()
    page.wait_for_url("**/prompt")
    page.goto(f"{studio}/prompt?on=geography")
    settled(page)
    written = page.get_by_label("Text of message 2")
    written.click()
    page.keyboard.type("Ask: {quest")
    expect(page.get_by_role("option", name="question", exact=True)).to_be_visible()
    page.keyboard.press("Enter")
    expect(written).to_have_value("Ask: {question}")
    page.keyboard.type(" {nofield}")
    expect(page.get_by_text("No such field: nofield")).to_be_visible()
    expect(page.get_by_text("names no field of the dataset").first).to_be_visible()
    for _ in range(len(" {nofield}")):
        page.keyboard.press("Backspace")
    expect(page.get_by_text("Ask: At which city do the White Nile")).to_be_visible()
    page.get_by_role("textbox", name="Name", exact=True).fill("written")
    page.get_by_role("button", name="Save version").click()
    expect(page.get_by_text("Saved as version 1 of written.")).to_be_visible()
    assert versions(workbench, "written") == ["Ask: {question}"]

    written = page.get_by_label("Text of message 1")
    written.click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" Briefly!")
    page.get_by_role("button", name="Save version").click()  # at once: what was typed counts
    expect(page.get_by_text("Saved as version 2 of written.")).to_be_visible()
    assert versions(workbench, "written")[0] == "Ask: {question} Briefly!"

    workbench.label_prompt("written", "production", 1)
    page.get_by_text("Versions", exact=True).click()
    page.get_by_role("button", name="Label").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="Label").click()
    page.get_by_role("option", name="production").click()
    expect(dialog.get_by_text("moves from version 1 to version 2")).to_be_visible()
    assert workbench.prompt_library.labels("written") == {"production": 1}
    dialog.get_by_role("button", name="Move production").click()
    expect(page.get_by_text("production is version 2")).to_be_visible()

    page.get_by_role("button", name="Compare with version 1").click()
    expect(page.get_by_text("user, version 2")).to_be_visible()
    expect(page.get_by_text("Briefly!").first).to_be_visible()


def test_two_people_who_edit_a_prompt_do_not_overwrite_each_other(
    studio: str, new_page: NewPage, workbench: Workbench
) -> None:
    library = workbench.prompt_library
    library.save("shared", PromptTemplate.model_validate("Q: {question}"))
    page = new_page()
    page.goto(f"{studio}/prompt?name=shared")
    written = page.get_by_label("Text of message 1")
    written.click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" mine")
    expect(page.get_by_role("button", name="Discard changes")).to_be_visible()
    library.save("shared", PromptTemplate.model_validate("Theirs: {question}"), based_on=1)
    page.get_by_role("button", name="Save version").click()
    expect(page.get_by_text("Nothing was saved").first).to_be_visible()
    expect(written).to_have_value("Q: {question} mine")
    assert versions(workbench, "shared") == ["Theirs: {question}", "Q: {question}"]
    page.get_by_role("button", name="Let mine follow version 2").click()
    settled(page)
    page.get_by_role("button", name="Save version").click()
    expect(page.get_by_text("Saved as version 3 of shared.")).to_be_visible()
    assert versions(workbench, "shared")[0] == "Q: {question} mine"


def test_what_was_typed_outlives_a_visit_to_another_page(
    studio: str, new_page: NewPage, workbench: Workbench
) -> None:
    workbench.prompt_library.save("kept", PromptTemplate.model_validate("Q: {question}"))
    page = new_page()
    page.goto(f"{studio}/prompt?name=kept")
    page.get_by_label("Text of message 1").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" and more")
    page.get_by_role("link", name="Runs").click(delay=100)  # as a hand does it
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    settled(page)
    page.go_back()
    expect(page.get_by_label("Text of message 1")).to_have_value("Q: {question} and more")


def test_markup_in_a_prompt_is_shown_as_it_is(
    studio: str, new_page: NewPage, workbench: Workbench
) -> None:
    library = workbench.prompt_library
    library.save("hostile", PromptTemplate.model_validate("{question}"), note="<b>note</b>")
    library.save("hostile", PromptTemplate.model_validate(HOSTILE), note="[x](javascript:1)")
    page = new_page()
    for view in ("Edit", "Versions", "Compare"):
        page.goto(f"{studio}/prompt?name=hostile&part={view}")
        settled(page)
        expect(page.get_by_role("heading", name="hostile")).to_be_visible()
        if view != "Versions":
            expect(page.get_by_text("<script>").first).to_be_visible()
        assert page.locator("img[src=x]").count() == 0
        assert page.locator('a[href^="javascript"]').count() == 0
        assert page.title() != "1"
