"""docs/metrics.md is what the table of metrics says."""

from pathlib import Path

from prompt_app.metrics.document import metrics_page

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == metrics_page(), (
        "run: python -m prompt_app.metrics.document > docs/metrics.md"
    )
