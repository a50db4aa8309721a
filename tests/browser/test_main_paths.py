"""What a person comes for to pages that no other browser test walks through, at both widths."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser.accessibility import check_accessibility
from browser.studio import chromium, running_studio, settled
from mock_process import MockProcess
from playwright.sync_api import Page, expect

from prompt_app.settings import Settings
from prompt_app.workbench import Workbench, open_workbench

pytestmark = pytest.mark.xdist_group("browser")
WIDTHS = [1280, 390]


@pytest.fixture(scope="module")
def studio_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("paths")


@pytest.fixture(scope="module")
def studio(studio_folder: Path) -> Iterator[str]:
    """One of its own, whose data may be replaced, with a model provider that trains."""
    if chromium() is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    functions = studio_folder / "functions"
    functions.mkdir()
    (functions / "custom_loud.py").write_text(
        'def shout(text: str) -> str:\n    """Louder."""\n    return text.upper() + "!"\n'
    )
    with MockProcess() as provider:
        settings = {
            "OPENAI_BASE_URL": f"{provider.url}/v1",
            "OPENAI_API_KEY": "sk-nobody",
            "PROMPT_APP_FUNCTIONS": str(functions),
        }
        with running_studio(studio_folder, settings=settings) as url:
            workbench = open_workbench(Settings(data_dir=studio_folder / "data"))
            workbench.submit_evaluation(workbench.example_evaluation())
            workbench.close()
            yield url


@pytest.fixture(params=WIDTHS)
def page(request: pytest.FixtureRequest, new_page: Callable[..., Page]) -> Page:
    return new_page(width=request.param)


@pytest.fixture
def own(page: Page) -> str:
    """A name that the other width does not take."""
    size = page.viewport_size
    assert size is not None
    return f"at-{size['width']}"


def is_good(page: Page) -> None:
    """Nothing sticks out, and nothing is grave for a reader by ear."""
    settled(page)
    excess = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert excess <= 0
    check_accessibility(page)


def test_runs_are_ticked_and_compared(studio: str, page: Page) -> None:
    page.goto(f"{studio}/runs")
    boxes = page.get_by_role("checkbox", name="Compare")
    expect(boxes).to_have_count(2)
    expect(page.get_by_text("finished").nth(1)).to_be_visible()
    expect(page.get_by_role("button", name="Compare", exact=True)).to_be_disabled()
    for which in (0, 1):
        page.get_by_test_id("stCheckbox").nth(which).click()
        settled(page)
    is_good(page)
    page.get_by_role("button", name="Compare 2 runs").click()
    page.wait_for_url("**/compare?runs=*")
    expect(page.get_by_text("widest change first")).to_be_visible()


def test_a_backup_is_taken_and_put_back(
    studio: str, page: Page, workbench: Workbench, own: str, tmp_path: Path
) -> None:
    page.goto(f"{studio}/settings")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download a backup").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    workbench.pipelines.save(f"late-{own}", "upper(text)")
    page.get_by_text("Restore a backup").click()
    page.get_by_label("Backup file").set_input_files(file)
    expect(page.get_by_role("button", name="Remove")).to_be_visible()
    said = page.get_by_label("To confirm, type: replace everything")
    expect(page.get_by_role("button", name="Restore", exact=True)).to_be_disabled()
    said.fill("replace everything")
    said.press("Enter")
    is_good(page)
    page.get_by_role("button", name="Restore", exact=True).click()
    expect(page.get_by_text(f"{file.name} was restored")).to_be_visible()
    page.goto(f"{studio}/pipelines")
    expect(page.get_by_role("heading", name="Pipelines", exact=True)).to_be_visible()
    settled(page)
    assert page.get_by_text(f"late-{own}").count() == 0


def test_functions_are_registered_and_found(studio: str, page: Page) -> None:
    page.goto(f"{studio}/functions")
    page.get_by_role("button", name="Synchronise").click()
    expect(
        page.get_by_text("Added: shout").or_(page.get_by_text("Nothing changed"))
    ).to_be_visible()
    search = page.get_by_role("searchbox")
    search.fill("louder")
    search.press("Enter")
    expect(page.get_by_text("1 of ")).to_be_visible()
    is_good(page)


def test_a_pipeline_is_written_and_called(studio: str, page: Page, own: str) -> None:
    page.goto(f"{studio}/pipelines")
    settled(page)
    page.get_by_role("button", name="New pipeline").click()
    text = page.get_by_label("Text", exact=True)
    text.fill('upper(concat("Hello ", name)')
    text.press("Control+Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    settled(page)
    text.fill('upper(concat("Hello ", name))')
    text.press("Control+Enter")
    expect(page.get_by_role("alert")).to_be_hidden()
    settled(page)
    name = page.get_by_label("Name", exact=True)
    name.fill(f"greet-{own}")
    name.press("Enter")
    page.wait_for_function(  # the browser keeps it a moment after the page is at rest
        "name => Object.values(sessionStorage).some((kept) => kept.includes(name))",
        arg=f"greet-{own}",
    )
    page.reload()
    expect(text).to_have_value('upper(concat("Hello ", name))')
    expect(name).to_have_value(f"greet-{own}")
    settled(page)
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(f"**/pipeline?name=greet-{own}")
    settled(page)
    expect(page.get_by_role("heading", name=f"greet-{own}")).to_be_visible()
    settled(page)
    page.wait_for_function(  # what is saved does not come back as the next new one
        "() => !Object.values(sessionStorage).some((kept) => kept.includes('Hello'))"
    )
    argument = page.get_by_label("name", exact=True)
    argument.fill("Ann")
    argument.press("Control+Enter")
    settled(page)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("HELLO ANN").first).to_be_visible()
    page.wait_for_url("**call=*")
    is_good(page)


def test_an_assistant_and_an_alias_are_saved(studio: str, page: Page, own: str) -> None:
    page.goto(f"{studio}/assistants")
    page.get_by_label("Name", exact=True).first.fill(f"guide-{own}")
    page.get_by_label("Context").fill("Answer in one word.")
    page.get_by_role("button", name="Save", exact=True).first.click()
    expect(page.get_by_text(f"Callers reach it as assistant/guide-{own}")).to_be_visible()
    page.get_by_label("Name", exact=True).last.fill(f"fast-{own}")
    page.get_by_role("textbox", name="Answered by").fill("offline:echo 3\noffline:extractive")
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.get_by_text(f"Callers use fast-{own} as a model")).to_be_visible()
    is_good(page)
    page.goto(f"{studio}/assistants?assistant=guide-{own}&alias=fast-{own}")
    for name in (f"guide-{own}", f"fast-{own}"):
        page.get_by_role("button", name=f"Delete {name}").click()
        asked = page.get_by_role("dialog")
        expect(asked.get_by_text("gets an error from then on")).to_be_visible()
        expect(page.get_by_role("button", name=f"Delete {name}")).to_have_count(1)
        asked.get_by_role("button", name="Delete", exact=True).click()
        expect(page.get_by_text(f"{name} is deleted.")).to_be_visible()
        expect(page.get_by_role("button", name=f"Delete {name}")).to_have_count(0)


def test_a_model_is_trained_on_a_dataset(studio: str, page: Page, own: str) -> None:
    page.goto(f"{studio}/fine-tuning")
    expect(page.get_by_text("Tokens of one epoch")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="JSONL for OpenAI").click()
    assert download.value.suggested_filename == "training-openai.jsonl"
    for label, value in (("Base model", "small"), ("Name", own)):
        box = page.get_by_label(label, exact=True)
        box.fill(value)
        box.press("Enter")
        settled(page)
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text(f"ft:small:mock:{own}")).to_be_visible()
    is_good(page)


def test_a_page_that_a_list_does_not_have_is_no_noise_in_the_log(
    studio: str, studio_folder: Path, new_page: Callable[..., Page]
) -> None:
    page = new_page()
    page.goto(f"{studio}/dataset?name=geography&page=99")
    expect(page.get_by_text("40 rows", exact=True)).to_be_visible()
    settled(page)
    (log,) = studio_folder.glob("studio-*.log")
    assert "Session State API" not in log.read_text("utf-8", "replace")
