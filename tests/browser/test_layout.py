"""Every page at both widths and in both themes: nothing sticks out, nothing is unnamed."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from browser.accessibility import check_accessibility
from browser.studio import click_row, ended, settled
from playwright.sync_api import Page, expect

from prompt_app.datamodel.labelling import LabelRubric
from prompt_app.ui import ASGI_FILE
from prompt_app.workbench import Workbench

pytestmark = pytest.mark.xdist_group("browser")  # one studio for all


@pytest.fixture
def run_id(workbench: Workbench) -> str:
    run_ids = workbench.submit_evaluation(workbench.example_evaluation()).run_ids
    for run_id in run_ids:
        ended(workbench, run_id)
    return run_ids[0]


@pytest.fixture
def pipeline(workbench: Workbench) -> str:
    return workbench.pipelines.save("loud", "upper(concat(text, '!'))").name


@pytest.fixture
def addresses(workbench: Workbench, run_id: str, pipeline: str) -> tuple[str, ...]:
    """Every page, with each of its sections open."""
    queues = [each.name for each in workbench.labelling.queues().items]
    if "layout" not in queues:
        workbench.labelling.create("layout", [run_id], LabelRubric())
    prompt, dataset = "/prompt?name=with-passage", "/dataset?name=geography"
    pair = ",".join(workbench.submit_evaluation(workbench.example_evaluation()).run_ids[:2])
    return (
        "", "/settings",
        "/datasets", dataset,
        *(f"{dataset}&view={view}" for view in ("Schema", "Versions", "Splits", "Export")),
        "/prompts", prompt, f"{prompt}&part=Versions", f"{prompt}&part=Scores",
        "/models", "/models?model=offline:echo", "/models?models=Presets", "/playground",
        "/evaluate", "/runs", f"/run?id={run_id}", f"/compare?runs={pair}",
        "/label", "/label?queue=layout", "/rubrics",
        "/pipelines", f"/pipeline?name={pipeline}", "/pipeline", "/functions", "/assistants",
        "/tokens", "/usage", "/fine-tuning",
    )  # fmt: skip


def test_no_page_is_left_out(addresses: tuple[str, ...]) -> None:
    pages = {each.stem for each in (ASGI_FILE.parent / "app_pages").glob("*.py")}
    named = {re.split(r"[/?]", f"{each}/")[1].replace("-", "_") or "home" for each in addresses}
    elsewhere = {"rubric_test"}  # test_rubrics.py looks at each of its views
    assert named | elsewhere >= {each.replace("finetuning", "fine_tuning") for each in pages}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_is_wider_than_the_window(
    studio: str, new_page: Callable[..., Page], addresses: tuple[str, ...], width: int, scheme: str
) -> None:
    page = new_page(width=width, scheme=scheme)
    # A page that fits in one theme fits in the other one: colours are what differs.
    is_whole = (width, scheme) in ((1280, "light"), (390, "dark"))
    for path in addresses if is_whole else addresses[::3]:
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
