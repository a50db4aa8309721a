"""Every page at both widths and in both themes: nothing sticks out, nothing is unnamed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from browser.accessibility import check_accessibility
from browser.studio import click_row, settled
from playwright.sync_api import Page, expect

from prompt_app.workbench import Workbench

pytestmark = pytest.mark.xdist_group("browser")  # one studio for all


@pytest.fixture
def run_id(workbench: Workbench) -> str:
    return workbench.submit_evaluation(workbench.example_evaluation()).run_ids[0]


@pytest.fixture
def pipeline(workbench: Workbench) -> str:
    return workbench.pipelines.save("loud", "upper(concat(text, '!'))").name


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark"), (1280, "dark")])
def test_no_page_is_wider_than_the_window(
    studio: str,
    new_page: Callable[..., Page],
    run_id: str,
    pipeline: str,
    width: int,
    scheme: str,
) -> None:
    page = new_page(width=width, scheme=scheme)
    serving = ("/pipelines", f"/pipeline?name={pipeline}", "/functions")
    prompt = "/prompt?name=with-passage"
    models = ("/models", "/models?model=offline:echo", "/models?models=Presets", "/playground")
    prompts = ("/prompts", prompt, f"{prompt}&part=Versions", f"{prompt}&part=Scores", *models)
    for path in ("", "/evaluate", "/runs", "/settings", f"/run?id={run_id}", *prompts, *serving):
        page.goto(studio + path)
        settled(page)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        excess = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert excess <= 0, path
        unnamed = page.evaluate(
            """() => [...document.querySelectorAll('[data-testid="stMain"] input:not([type=file])')]
                .filter(each => !each.labels?.length && !each.getAttribute('aria-label')
                    && !each.getAttribute('aria-labelledby')).map(each => each.outerHTML)"""
        )
        assert unnamed == [], path
        check_accessibility(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_open_row_is_accessible(
    studio: str, new_page: Callable[..., Page], run_id: str, scheme: str
) -> None:
    page = new_page(scheme=scheme)
    page.goto(f"{studio}/run?id={run_id}")
    expect(page.get_by_text("40 scored, 0 failed, 0 skipped").first).to_be_visible()
    settled(page)
    click_row(page, 0)
    expect(page.get_by_role("dialog").get_by_text("1 of 40")).to_be_visible()
    settled(page)
    check_accessibility(page)
