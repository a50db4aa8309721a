"""The pages of datasets: rows edited in place, schema, versions, splits, what was removed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from prompt_app.datamodel.evaluation import Evaluation
from prompt_app.workbench import Workbench
from prompt_app.workbench.editing import RowEdits

OpenPage = Callable[..., AppTest]
DATASETS, DATASET = "app_pages/datasets.py", "app_pages/dataset.py"


def frame(app: AppTest, column: str) -> list[object]:
    return list(next(each.value for each in app.dataframe if column in each.value)[column])


def texts(app: AppTest) -> str:
    shown = [*app.caption, *app.markdown, *app.info, *app.error, *app.warning, *app.success]
    return "\n".join(each.value.replace("\\", "") for each in shown)


def test_the_list_is_searched(open_page: OpenPage, workbench: Workbench) -> None:
    workbench.curation.copy("geography", "atlas")
    app = open_page(DATASETS)
    assert "2 datasets" in texts(app)
    app.text_input(key="q").set_value("atl").run()
    assert "1 dataset\n" in texts(app) + "\n"
    app.text_input(key="q").set_value("nothing like it").run()
    assert "No dataset fits" in texts(app)


def test_an_unknown_dataset_is_told(open_page: OpenPage) -> None:
    app = open_page(DATASET, name="nosuch")
    assert "nosuch" in app.error[0].value
    assert [each.label for each in app.button] == ["All datasets"]


def test_an_unknown_version_is_told(open_page: OpenPage, workbench: Workbench) -> None:
    for newest in (1, 2):
        app = open_page(DATASET, name="geography", version="99")
        assert f"has no version 99. This is version {newest}" in texts(app)
        workbench.curation.deal_splits(workbench.dataset("geography"), {"dev": 0.5}, newest)


def test_schema_tells_types_and_use(open_page: OpenPage) -> None:
    app = open_page(DATASET, name="geography", view="Schema")
    assert frame(app, "Field") == ["id", "topic", "passage", "question", "answers"]
    assert frame(app, "Use") == ["id", "cluster", "", "", "reference"]
    assert frame(app, "Types") == ["text"] * 4 + ["list"]


@pytest.fixture
def three_versions(workbench: Workbench) -> Workbench:
    version = workbench.dataset("geography")
    rows = workbench.examples(version)
    changed = {rows[3].id: {"question": "A new question?"}}
    second = workbench.curation.save_edits(
        version, RowEdits(changed, frozenset([rows[5].id])), "Mended"
    )
    workbench.curation.deal_splits(second, {"dev": 0.5}, 3)
    return workbench


def test_versions_show_what_changed(open_page: OpenPage, three_versions: Workbench) -> None:
    app = open_page(DATASET, name="geography", view="Versions", version="2")
    assert frame(app, "Note")[1:] == ["Mended", ""]
    counts = {each.label: each.value for each in app.metric}
    assert counts == {"Added": "0", "Removed": "1", "Changed": "1", "The same": "38"}
    assert "new" in texts(app)
    assert "Version 1" in texts(app)


def test_an_older_version_is_only_read(open_page: OpenPage, three_versions: Workbench) -> None:
    app = open_page(DATASET, name="geography", version="1")
    assert "older version" in texts(app)


def test_splits_are_counted_and_dealt_anew(open_page: OpenPage, three_versions: Workbench) -> None:
    app = open_page(DATASET, name="geography", view="Splits")
    counts = {each.label.replace("\\", ""): each.value for each in app.metric}
    dealt = three_versions.dataset("geography").split_rows["dev"]
    assert counts == {"dev": str(dealt), "(none)": str(39 - dealt)}
    next(each for each in app.button if each.label == "Without splits").click().run()
    assert three_versions.dataset("geography").split_rows == {}


def test_what_was_removed_can_be_put_back(open_page: OpenPage, workbench: Workbench) -> None:
    app = open_page(DATASET, name="geography")
    next(each for each in app.button if each.label == "Remove").click().run()
    assert workbench.list_datasets() == []
    assert "was removed" in texts(app)
    next(each for each in app.button if each.label == "Put back").click().run()
    assert [each.name for each in workbench.list_datasets()] == ["geography"]


def test_failures_become_a_dataset(
    open_page: OpenPage, workbench: Workbench, finished: Evaluation
) -> None:
    app = open_page("app_pages/run.py", id=finished.run_ids[0])
    app.number_input(key="failures.at_most").set_value(0.0).run()
    app.button(key="failures.collect").click().run()
    assert not app.exception
    version = workbench.dataset("geography-failures")
    assert 0 < version.rows < 40
    assert version.source == f"run {finished.run_ids[0]}"
    assert "at most 0" in version.note


def test_an_export_names_the_rows_that_do_not_fit(open_page: OpenPage) -> None:
    app = open_page(DATASET, name="geography", view="Export")
    app.selectbox(key="export.format").set_value("bedrock").run()
    next(each for each in app.button if each.label == "Make the file").click().run()
    assert not app.exception
    assert "22 of 40 rows cannot be expressed" in texts(app)
    assert "Fields without a place there: id, topic, passage" in texts(app)
    assert texts(app).count("18 rows written.") == 1
