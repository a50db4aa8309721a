"""Every page of the studio has a picture in both themes, and no picture is left of a page gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from prompt_app.ui import state

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
PAGES = sorted(
    Path(value).stem.replace("_", "-").replace("finetuning", "fine-tuning")
    for name, value in vars(state).items()
    if name.isupper() and str(value).startswith("app_pages/")
)
DRAWERS = ["row"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_has_a_picture(scheme: str) -> None:
    found = {path.stem.removesuffix(f"-{scheme}") for path in IMAGES.glob(f"*-{scheme}.png")}
    assert found == {*PAGES, *DRAWERS}, "python -m tests.browser.screenshots makes them"
