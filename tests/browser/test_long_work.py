"""Work that takes long shows how far it is, and can be cancelled."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from browser.studio import pick, settled
from playwright.sync_api import Page, expect

from prompt_app.workbench import Workbench

pytestmark = pytest.mark.xdist_group("browser")  # one studio for all
ROWS = 30_000


def test_an_export_is_cancelled_and_another_one_downloaded(
    studio: str, new_page: Callable[..., Page], workbench: Workbench, tmp_path: Path
) -> None:
    path = tmp_path / "long.jsonl"
    rows = ({"question": f"Row {n}?", "answers": [f"{n}"], "more": [n] * 9} for n in range(ROWS))
    path.write_text("\n".join(json.dumps(row) for row in rows))
    workbench.import_dataset(path, name="long-work")
    page = new_page()
    page.goto(f"{studio}/dataset?name=long-work&view=Export")
    settled(page)
    pick(page.get_by_role("combobox", name="File format"), "promptfoo tests, YAML")
    settled(page)
    page.get_by_role("button", name="Make the file").click()
    expect(page.get_by_text(f"of {ROWS:,} rows")).to_be_visible()
    cancel = page.get_by_role("button", name="Cancel", exact=True)
    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    expect(cancel).to_be_hidden()
    page.go_back()  # it goes on meanwhile
    page.get_by_role("tab", name="Export").click()
    cancel.click()
    expect(page.get_by_text("Cancelled. Nothing was changed.")).to_be_visible()
    page.goto(f"{studio}/dataset?name=long-work")
    settled(page)
    page.get_by_role("button", name="Download", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="JSONL", exact=True).click()
    assert download.value.suggested_filename == "long-work-1.jsonl"
    assert len(download.value.path().read_text().splitlines()) == ROWS
    expect(page.get_by_role("link", name="long-work-1.jsonl")).to_be_visible()
