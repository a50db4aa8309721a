"""Adding an endpoint and a preset, testing it, and calling it from the playground, streamed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from browser.accessibility import check_accessibility
from browser.studio import pick, settled
from mock_process import MockProcess
from playwright.sync_api import Page, expect

from prompt_app.datamodel.model import ModelSpec
from prompt_app.workbench import Workbench

pytestmark = pytest.mark.xdist_group("browser")  # one studio for all

NewPage = Callable[..., Page]


@pytest.fixture(autouse=True)
def example(workbench: Workbench) -> None:
    workbench.load_examples()


def test_an_endpoint_is_added_tested_and_played(
    studio: str, new_page: NewPage, workbench: Workbench, mock_process: MockProcess
) -> None:
    page = new_page()
    page.goto(f"{studio}/models?models=Endpoints")
    page.get_by_role("button", name="Add endpoint").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("mine")
    dialog.get_by_label("Model", exact=True).fill("extractive")
    dialog.get_by_label("Server address").fill("ftp://nowhere")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("an address starts with http")).to_be_visible()
    settled(page)
    dialog.get_by_label("Server address").fill(f"{mock_process.url}/v1")
    check_accessibility(page)
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("endpoint:mine")).to_be_visible()
    expect(dialog).to_be_hidden()
    assert [each.name for each in workbench.models.endpoints()] == ["mine"]
    page.get_by_role("button", name="Open", exact=True).click()
    page.get_by_role("button", name="Test the connection").click()
    expect(page.get_by_text("Answered in")).to_be_visible()

    page.goto(
        f"{studio}/playground?prompts=with-passage@1&models_played=endpoint:mine&on=geography"
    )
    page.get_by_role("button", name="Call 1").click()
    expect(page.get_by_text("Khartoum").first).to_be_visible()
    page.get_by_role("button", name="Save as row").click()
    dialog = page.get_by_role("dialog")
    pick(dialog.get_by_role("combobox", name="Dataset"), "picked")
    dialog.get_by_role("button", name="Save row").click()
    expect(dialog.get_by_text("Row 1 of picked")).to_be_visible()
    assert workbench.dataset("picked").rows == 1


def test_a_call_can_be_cancelled(
    studio: str, new_page: NewPage, mock_process: MockProcess, workbench: Workbench
) -> None:
    model = ModelSpec(provider="openai", name="extractive", base_url=f"{mock_process.url}/v1")
    workbench.models.save_endpoint("slow", model)
    mock_process.control(latency_ms=60_000)
    page = new_page(width=390, scheme="dark")
    page.goto(
        f"{studio}/playground?prompts=with-passage@1&models_played=endpoint:slow"
        "&models_played=offline:echo"
    )
    page.get_by_role("button", name="Call 2").click()
    expect(page.get_by_text("answering").first).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled. What had begun may be billed.").first).to_be_visible()
    expect(page.get_by_text("1 of 2 answered")).to_be_visible()
    settled(page)
    check_accessibility(page)
    excess = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert excess <= 0


def test_a_dialog_outlives_the_end_of_the_calls(
    studio: str, new_page: NewPage, mock_process: MockProcess, workbench: Workbench
) -> None:
    model = ModelSpec(provider="openai", name="extractive", base_url=f"{mock_process.url}/v1")
    workbench.models.save_endpoint("late", model)
    mock_process.control(latency_ms=8_000)
    page = new_page()
    page.goto(
        f"{studio}/playground?prompts=with-passage@1&models_played=endpoint:late"
        "&models_played=offline:echo"
    )
    settled(page)
    page.get_by_role("button", name="Call 2").click()
    page.get_by_role("button", name="Save prompt").click()
    name = page.get_by_role("dialog").get_by_label("Prompt", exact=True)
    name.fill("half a na")
    assert mock_process.stats()["in_flight"] == 1, "the other call goes on"
    expect(page.get_by_text("2 of 2 answered")).to_be_attached()
    settled(page)
    expect(name).to_have_value("half a na")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Call 2")).to_be_enabled()
