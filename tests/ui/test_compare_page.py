"""Runs compared on a page: what is chosen stands in its address."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from prompt_app.datamodel.evaluation import Evaluation
from prompt_app.interfaces.watching import told_of
from prompt_app.ui.components import long_work
from prompt_app.ui.components.downloads import table_file
from prompt_app.ui.components.pair_list import CHANGES, pair_filter
from prompt_app.ui.components.wording import literal
from prompt_app.workbench import Workbench
from prompt_app.workbench.comparing import RunComparison

OpenPage = Callable[..., AppTest]
COMPARE = "app_pages/compare.py"


def frame(app: AppTest, column: str) -> object:
    return next(each.value for each in app.dataframe if column in each.value)


def texts(app: AppTest) -> str:
    return "\n".join(each.value for each in app.text)


def test_without_runs_the_page_says_what_to_do(open_page: OpenPage) -> None:
    app = open_page(COMPARE)
    assert "Choose two or more runs" in app.info[0].value
    app = open_page(COMPARE, runs="nosuchrun,other")
    assert "nosuchrun" in app.error[0].value


def test_verdicts_leaderboard_and_groups(open_page: OpenPage, finished: Evaluation) -> None:
    first, second = finished.run_ids
    app = open_page(COMPARE, runs=f"{second},{first}")
    assert "Better: squad_f1 differs by" in texts(app)
    assert "after Holm's correction over 4 comparisons" in texts(app)
    board = frame(app, "rank")
    assert list(board["rank"]) == ["1", "2"]  # type: ignore[index]
    assert list(board["run id"]) == [first, second]  # type: ignore[index]
    groups = frame(app, "topic")
    assert groups["examples"].sum() == 40  # type: ignore[index]


def test_the_baseline_is_the_first_run_of_the_address(
    open_page: OpenPage, finished: Evaluation
) -> None:
    first, second = finished.run_ids
    app = open_page(COMPARE, runs=f"{second},{first}")
    app.selectbox(key="compare.baseline").set_value(first).run()
    assert app.query_params["runs"] == f"{first},{second}"
    assert "Worse: squad_f1" in texts(app)


def test_examples_are_filtered_by_their_change(open_page: OpenPage, finished: Evaluation) -> None:
    first, second = finished.run_ids
    app = open_page(COMPARE, runs=f"{second},{first}", metric="exact_match")
    assert any("25 examples, widest" in each.value for each in app.caption)
    shown = [each.value for each in app.text if "→" in each.value]
    assert shown == ["exact_match 0 → 1"] * 5
    app.segmented_control(key="change").set_value("Worsened").run()
    assert any("No example fits" in each.value for each in app.info)


@pytest.mark.parametrize(
    ("metric", "choice", "change", "crossing"),
    [
        ("exact_match", "Improved", "up", True),
        ("exact_match", "Changed", "any", False),
        ("squad_f1", "Worsened", "down", False),
        ("length_words", "Improved", "up", False),
    ],
)
def test_what_a_choice_asks_the_store_for(
    workbench: Workbench,
    finished: Evaluation,
    metric: str,
    choice: str,
    change: str,
    crossing: bool,
) -> None:
    assert choice in CHANGES
    wanted = pair_filter(workbench.run(finished.run_ids[0]), metric, choice, "")
    assert (wanted.change, wanted.crossing) == (change, crossing)


def test_runs_are_picked_on_their_page(open_page: OpenPage, finished: Evaluation) -> None:
    app = open_page("app_pages/runs.py")
    for run_id in reversed(finished.run_ids):
        app.checkbox(key=f"pick.{run_id}").check().run()
    next(each for each in app.button if each.label == "Compare 2 runs").click().run()
    assert app.title[0].value == "Compare"
    assert app.query_params["runs"] == ",".join(reversed(finished.run_ids))


def test_a_table_becomes_a_file_without_formulas() -> None:
    import pandas as pd

    table = pd.DataFrame({"=name": ["=1+1", "plain"], "value": [1.5, None]})
    assert table_file(table, "csv").decode().splitlines() == ["'=name,value", "'=1+1,1.5", "plain,"]
    assert b'"=name":"=1+1"' in table_file(table, "json").replace(b" ", b"")
    assert table_file(table, "parquet")[:4] == b"PAR1"


def test_spaces_and_signs_of_a_text_stay() -> None:
    assert literal("  a  *b*\n\tc") == "\u00a0\u00a0a\u00a0\u00a0\\*b\\*  \n" + "\u00a0" * 4 + "c"


def test_a_comparison_is_cancelled_and_started_again(
    open_page: OpenPage, finished: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare, go_on = Workbench.compare, Event()

    def slowly(*given: Any, **options: Any) -> RunComparison:
        for _ in told_of(range(1_000_000_000), "examples", 4, every=1):
            if go_on.wait(0.01):
                break
        return compare(*given, **options)

    monkeypatch.setattr(long_work, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(Workbench, "compare", slowly)
    app = open_page(COMPARE, runs=",".join(finished.run_ids))
    assert not app.dataframe
    next(each for each in app.button if each.label == "Cancel").click().run()
    work = app.session_state["compare.verdicts"]
    assert work.join(10)
    app.run()
    assert "Matching the examples: cancelled." in [each.value for each in app.caption]
    go_on.set()
    monkeypatch.setattr(long_work, "PATIENCE_SECONDS", 30)
    next(each for each in app.button if each.label == "Start again").click().run()
    assert app.dataframe
