"""What a person looks at stands in the address: pages of lists, searches, open sections."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from prompt_app.datamodel.evaluation import Evaluation
from prompt_app.workbench import Workbench

OpenPage = Callable[..., AppTest]
DATASET, RUN, RUNS = "app_pages/dataset.py", "app_pages/run.py", "app_pages/runs.py"


def first_cells(app: AppTest, column: str) -> list[object]:
    frame = next(each.value for each in app.dataframe if column in each.value)
    return list(frame[column])


def test_a_page_of_a_runs_rows_has_an_address(open_page: OpenPage, finished: Evaluation) -> None:
    app = open_page(RUN, id=finished.run_ids[0], page="2")
    assert first_cells(app, "Row") == list(range(26, 41))


def test_another_filter_starts_at_the_first_page(open_page: OpenPage, finished: Evaluation) -> None:
    app = open_page(RUN, id=finished.run_ids[0], page="2")
    app.selectbox(key="order").select("Score, highest first").run()
    assert len(first_cells(app, "Row")) == 25


def test_a_page_that_there_is_not_is_the_first(open_page: OpenPage, finished: Evaluation) -> None:
    for page in ("99", "-1", "two"):
        app = open_page(RUN, id=finished.run_ids[0], page=page)
        assert first_cells(app, "Row") == list(range(1, 26))


def test_a_page_of_a_datasets_rows_has_an_address(open_page: OpenPage) -> None:
    app = open_page(DATASET, name="geography", page="2")
    assert any(each.value == "40 rows" for each in app.caption)
    frame = app.dataframe[0].value
    assert list(frame.iloc[:, 0]) == [str(row) for row in range(26, 41)]


def test_a_page_of_runs_has_an_address(open_page: OpenPage, workbench: Workbench) -> None:
    spec = workbench.example_evaluation()
    for number in range(11):
        workbench.submit_evaluation(spec, key=f"again-{number}")
    assert len(runs_shown(open_page(RUNS))) == 20
    assert len(runs_shown(open_page(RUNS, page="2"))) == 2


def runs_shown(app: AppTest) -> list[str]:
    return [each.label for each in app.checkbox if each.label.startswith("Compare")]


def test_an_open_section_has_an_address(open_page: OpenPage, finished: Evaluation) -> None:
    run = finished.run_ids[0]
    assert "Latency, median" not in [each.label for each in open_page(RUN, id=run).metric]
    app = open_page(RUN, id=run, calls="true")
    assert "Latency, median" in [each.label for each in app.metric]
