"""The page Fine-tuning."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from mock_process import MockProcess
from streamlit.testing.v1 import AppTest

from prompt_app.datamodel.dataset import DatasetOptions
from prompt_app.datamodel.evaluation import Evaluation
from prompt_app.workbench import Workbench

PAGE = "app_pages/finetuning.py"


@pytest.fixture
def rows(workbench: Workbench, tmp_path: Path) -> str:
    path = tmp_path / "chats.jsonl"
    lines = [{"Prompt": f"Say {n}", "Response": f"It is {n}."} for n in range(12)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    options = DatasetOptions(reference_field="Response")
    return workbench.import_dataset(path, options=options).name


def choose(app: AppTest, label: str, value: str) -> None:
    next(each for each in app.selectbox if each.label == label).set_value(value).run()


def write(app: AppTest, label: str, value: str) -> None:
    next(each for each in app.text_input if each.label == label).set_value(value).run()


def test_a_job_goes_from_a_dataset_to_a_model(
    monkeypatch: pytest.MonkeyPatch,
    workbench: Workbench,
    rows: str,
    open_page: Callable[..., AppTest],
) -> None:
    with MockProcess() as server:
        settings = workbench.settings.model_copy(update={"openai_base_url": f"{server.url}/v1"})
        workbench.settings = settings
        app = open_page(PAGE)
        choose(app, "Dataset", rows)
        assert app.metric[0].value == "12"
        assert "as they should be" in app.success[0].value
        write(app, "Base model", "small")
        write(app, "Name", "sums")
        app.number_input(key="tuning.price").set_value(3.0).run()
        assert any("3 epochs" in each.value for each in app.caption)
        next(each for each in app.button if each.label == "Start").click().run()
        assert not app.exception
        (job,) = workbench.finetuning.jobs().items
        workbench.finetuning.refresh(job.id)
        workbench.finetuning.refresh(job.id)
        app.run()
        assert any("openai:ft:small:mock:sums" in each.value for each in app.code)


def test_the_best_rows_of_a_run_that_was_evaluated(
    finished: Evaluation, open_page: Callable[..., AppTest]
) -> None:
    app = open_page(PAGE)
    app.segmented_control(key="training.kind").set_value("Best rows of runs").run()
    next(each for each in app.multiselect if each.label == "Runs").set_value(
        [finished.run_ids[0]]
    ).run()
    assert not app.exception
    assert int(app.metric[0].value) > 0


def test_what_is_wrong_keeps_a_job_from_starting(
    workbench: Workbench, rows: str, open_page: Callable[..., AppTest]
) -> None:
    app = open_page(PAGE)
    choose(app, "Dataset", rows)
    app.number_input(key="training.most").set_value(3).run()
    assert "takes 10 or more" in app.error[0].value
    assert next(each for each in app.button if each.label == "Start").disabled
