"""Two people with different projects, each in a browser of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from browser.logins import log_in, login_settings, require_provider, running_provider
from browser.studio import PATIENCE_MS, chromium, launched, running_studio, settled
from playwright.sync_api import Browser, Page, expect, sync_playwright
from servers import free_port

from prompt_app.settings import Settings
from prompt_app.workbench import open_workbench

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    require_provider()
    if chromium() is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    folder = tmp_path_factory.mktemp("projects")
    workbench = open_workbench(Settings(data_dir=folder / "data"))
    workbench.load_examples()
    workbench.close()
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        provider = stack.enter_context(running_provider(free_port(), address))
        settings = login_settings(address, provider)
        stack.enter_context(running_studio(folder, port, settings, worker=False))
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        opened = launched(playwright)
        yield opened
        opened.close()


def visit(browser: Browser, url: str, person: str) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(url)
    log_in(page, person)
    return page


def make_project(page: Page, url: str, name: str) -> None:
    page.goto(f"{url}/settings")
    settled(page)
    page.get_by_text("New project").click()
    page.get_by_placeholder("letters a to z, digits, dots and lines").fill(name)
    page.get_by_role("button", name="Make the project").click()
    expect(page.get_by_role("combobox", name="Project")).to_be_visible()
    settled(page)


def choose(page: Page, label: str, option: str) -> None:
    settled(page)
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option, exact=True).click()
    settled(page)


def test_what_belongs_to_a_project_is_there_for_its_members_alone(
    browser: Browser, url: str
) -> None:
    ed, fay = visit(browser, url, "ed"), visit(browser, url, "fay")
    make_project(ed, url, "north")
    make_project(fay, url, "south")

    ed.goto(f"{url}/dataset?name=geography")
    settled(ed)
    ed.get_by_role("button", name="Move to project").click()
    choose(ed, "Belongs to", "north")
    ed.get_by_role("button", name="Move", exact=True).click()
    expect(ed.get_by_test_id("stMain").get_by_text("north").first).to_be_visible()
    settled(ed)

    fay.goto(f"{url}/dataset?name=geography")
    expect(fay.get_by_text("There is no dataset named")).to_be_visible()
    fay.goto(f"{url}/datasets")
    expect(fay.get_by_text("No dataset yet.")).to_be_visible()

    ed.goto(f"{url}/settings")
    settled(ed)
    ed.get_by_text("north", exact=True).last.click()
    ed.wait_for_url("**opened=*")
    settled(ed)
    ed.get_by_placeholder("E-mail address, or id of the login").fill("FAY@example.com")
    ed.get_by_role("button", name="Add", exact=True).click()
    expect(ed.get_by_text("fay@example.com").first).to_be_visible()

    fay.reload()
    expect(fay.get_by_role("link", name="geography")).to_be_visible()
    choose(fay, "Project", "south")
    expect(fay.get_by_text("No dataset yet.")).to_be_visible()
    choose(fay, "Project", "north")
    expect(fay.get_by_role("link", name="geography")).to_be_visible()
    assert "project=north" in fay.url

    fay.get_by_role("link", name="geography").click()
    expect(fay.get_by_role("heading", level=1)).to_have_text("geography")
    settled(fay)
    assert "project=north" in fay.url, "a colleague who gets this address sees the same"
    colleague = fay.context.new_page()
    colleague.goto(fay.url)
    settled(colleague)
    expect(colleague.get_by_role("combobox", name="Project")).to_have_value("north")
    expect(colleague.get_by_role("heading", level=1)).to_have_text("geography")
