"""Pictures of the studio for the README and ``docs/``: ``python -m tests.browser.screenshots``."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from browser.filled import EXAMPLES, fill_store
from browser.studio import PATIENCE_MS, click_row, launched, pick, running_studio, settled

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
FUNCTIONS = EXAMPLES / "functions"
PROMPT = "Passage: {passage}\n\nQuestion: {question}\nAnswer:"
PLAYED = "prompts=with-passage@1&models_played=offline:extractive&models_played=offline:echo"
PLAIN_PAGES = {
    "runs": "40 of 40",
    "prompts": "with-passage",
    "rubrics": "baseline on games",
    "rubric-test": "Confusion",
    "pipelines": "reading_ease",
    "pipeline": "Steps in full",
    "functions": "Functions of your own",
    "fine-tuning": "Tokens of one epoch",
    "assistants?assistant=geography-tutor&alias=answers": "geography-tutor",
    "tokens": "Open a token to change it",
    "usage": "Calls",
    "settings": "Connections",
}
"""Address of what needs no more than a visit, and a text that stands there when it is filled."""
SIZE = {"width": 1280, "height": 900}


def main() -> None:
    """Runs the example in a store of its own and writes each page, light and dark."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=PATIENCE_MS)
    with (
        TemporaryDirectory() as folder,
        running_studio(Path(folder), settings={"PROMPT_APP_FUNCTIONS": str(FUNCTIONS)}) as url,
        sync_playwright() as playwright,
    ):
        browser = launched(playwright)
        run_address = _run_example(browser, url)
        filled = fill_store(Path(folder), url)
        for scheme in ("light", "dark"):
            _take(browser, url, run_address, scheme)
            _take_filled(browser, url, filled, scheme)
        browser.close()


def _run_example(browser: Browser, url: str) -> str:
    page = browser.new_page()
    page.goto(url)
    page.get_by_role("button", name="Run the example").click(timeout=PATIENCE_MS)
    page.wait_for_url("**/run?id=*")
    expect(page.get_by_text("40 scored, 0 failed, 0 skipped").first).to_be_visible()
    address = page.url
    page.close()
    return address


def _take(browser: Browser, url: str, run_address: str, scheme: str) -> None:
    page = browser.new_context(viewport=SIZE, color_scheme=scheme).new_page()  # type: ignore[arg-type]
    page.set_default_timeout(PATIENCE_MS)
    page.goto(url)
    expect(page.get_by_role("heading", name="Lately")).to_be_visible()
    _save(page, f"home-{scheme}")
    page.goto(run_address)
    expect(page.get_by_role("region", name="Rows of this run")).to_be_visible()
    _save(page, f"run-{scheme}")
    click_row(page, 3)
    expect(page.get_by_role("dialog").get_by_text("4 of 40")).to_be_visible()
    _save(page, f"row-{scheme}")
    page.goto(f"{url}/evaluate")
    settled(page)
    page.get_by_text("Write a new prompt").click()
    page.get_by_label("User message").fill(PROMPT)
    page.get_by_label("User message").press("Control+Enter")
    pick(page.get_by_role("combobox", name="Models"), "offline:extractive")
    page.keyboard.press("Escape")
    expect(page.get_by_text("Input tokens", exact=True)).to_be_visible()
    page.get_by_role("heading", name="New evaluation").scroll_into_view_if_needed()
    _save(page, f"evaluate-{scheme}")
    _take_datasets(page, url, scheme)
    _take_people(page, url, run_address, scheme)
    page.goto(f"{url}/prompt?name=with-passage")
    expect(page.get_by_text("input tokens")).to_be_visible()
    _save(page, f"prompt-{scheme}")
    page.goto(f"{url}/models")
    expect(page.get_by_role("region", name="Models with their prices")).to_be_visible()
    _save(page, f"models-{scheme}")
    page.goto(f"{url}/playground?{PLAYED}")
    page.get_by_role("button", name="Call 2").click()
    expect(page.get_by_text("2 of 2 answered")).to_be_visible()
    _save(page, f"playground-{scheme}")
    page.context.close()


def _take_filled(browser: Browser, url: str, filled: dict[str, str], scheme: str) -> None:
    page = browser.new_context(viewport=SIZE, color_scheme=scheme).new_page()  # type: ignore[arg-type]
    page.set_default_timeout(PATIENCE_MS)
    for address, text in PLAIN_PAGES.items():
        name = address.partition("?")[0]
        page.goto(f"{url}/{filled.get(name, address)}")
        settled(page)
        expect(
            page.locator(f"main :text({text!r}), main input[value={text!r}]").first
        ).to_be_visible()
        _save(page, f"{name}-{scheme}")
    page.context.close()


def _take_datasets(page: Page, url: str, scheme: str) -> None:
    page.goto(f"{url}/datasets")
    expect(page.get_by_text("1 dataset", exact=True)).to_be_visible()
    _save(page, f"datasets-{scheme}")
    page.goto(f"{url}/dataset?name=geography")
    expect(page.get_by_role("region", name="Rows of the dataset")).to_be_visible()
    _save(page, f"dataset-{scheme}")


def _take_people(page: Page, url: str, run_address: str, scheme: str) -> None:
    """Compare and Label, over the example's two runs."""
    run = run_address.rpartition("id=")[2]
    other = f"{run.rpartition('-')[0]}-2"
    page.goto(f"{url}/compare?runs={other},{run}")
    expect(page.get_by_text("examples, widest change first")).to_be_visible()
    _save(page, f"compare-{scheme}")
    page.goto(f"{url}/label?runs={run}")
    settled(page)
    if not page.get_by_role("link", name="answers").is_visible():
        page.get_by_label("Name of the queue").fill("answers")
        page.get_by_label("Rubric").fill("pass: a reader would accept it. fail: everything else.")
        page.get_by_label("Rubric").press("Control+Enter")
        settled(page)
        page.get_by_role("button", name="Create").click()
    page.goto(f"{url}/label?queue=answers")
    expect(page.get_by_text("of 40 rows labelled")).to_be_visible()
    _save(page, f"label-{scheme}")


def _save(page: Page, name: str) -> None:
    settled(page)
    page.wait_for_timeout(1200)  # charts and drawers move into place
    page.screenshot(path=IMAGES / f"{name}.png", animations="disabled")


if __name__ == "__main__":
    main()
