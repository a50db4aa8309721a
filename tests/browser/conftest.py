"""One studio and one browser for all browser tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser.accessibility import watch_hosts
from browser.studio import PATIENCE_MS, chromium, launched, running_studio
from playwright.sync_api import Browser, Page, expect, sync_playwright

from prompt_app.settings import Settings
from prompt_app.workbench import Workbench, open_workbench

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def studio_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studio")


@pytest.fixture(scope="session")
def studio(studio_folder: Path) -> Iterator[str]:
    if chromium() is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with running_studio(studio_folder) as url:
        yield url


@pytest.fixture(scope="module")
def browser(studio: str) -> Iterator[Browser]:
    """Not for the session: while it is open its event loop runs, and no other test could start
    one."""
    with sync_playwright() as playwright:
        opened = launched(playwright)
        yield opened
        opened.close()


@pytest.fixture
def workbench(studio: str, studio_folder: Path) -> Iterator[Workbench]:
    """On the studio's own store, to prepare what a test looks at."""
    opened = open_workbench(Settings(data_dir=studio_folder / "data"))
    yield opened
    opened.close()


@pytest.fixture
def new_page(browser: Browser, studio: str) -> Iterator[Callable[..., Page]]:
    """Pages that must ask no other host for anything, and whose scripts must not fail."""
    pages: list[Page] = []
    foreign: list[list[str]] = []
    failures: list[str] = []

    def opened(width: int = 1280, height: int = 900, scheme: str = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        foreign.append(watch_hosts(page, studio))
        page.on("pageerror", lambda error: failures.append(str(error)))
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.context.close()
    assert [url for urls in foreign for url in urls] == []
    assert failures == []
