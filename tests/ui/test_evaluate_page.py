"""Filling in an evaluation: what is wrong is told, nothing typed is lost, one start is one run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from streamlit.testing.v1 import AppTest

from prompt_app.datamodel.evaluation import Evaluation
from prompt_app.datamodel.model import InferenceParameters
from prompt_app.ui.components.kept_file import KeptFile
from prompt_app.workbench import Workbench
from prompt_app.workbench.importing import dataset_name

OpenPage = Callable[..., AppTest]
EVALUATE = "app_pages/evaluate.py"
GOOD = "Passage: {passage}\n\nQuestion: {question}\nAnswer:"
CSV = b"question,context,answers\nWho?,Ada wrote it.,Ada<OR>Ada L.\nWhen?,In 1843.,1843\n"


def messages(app: AppTest) -> str:
    return " ".join(each.value for each in app.error).replace("\\", "")


def filled_in(app: AppTest, user: str = GOOD, model: str = "offline:extractive") -> AppTest:
    app.toggle(key="prompt.write").set_value(True).run()
    app.text_input(key="prompt.name").set_value("mine").run()
    app.text_area(key="prompt.user").set_value(user).run()
    app.multiselect(key="model.references").set_value([model]).run()
    assert not app.exception
    return app


def start_button(app: AppTest) -> object | None:
    return next((each for each in app.button if each.label == "Start"), None)


def test_the_form_says_what_is_still_missing(open_page: OpenPage) -> None:
    app = open_page(EVALUATE)
    assert any(each.value.startswith("Choose a prompt.") for each in app.info)
    assert start_button(app) is None


def test_a_quote_stands_before_the_start(open_page: OpenPage) -> None:
    app = filled_in(open_page(EVALUATE))
    figures = {each.label: each.value.replace("\\", "") for each in app.metric}
    assert figures["Samples"] == "40"
    assert figures["Calls"] == "40"
    assert figures["Price"] == "$0.00"
    assert start_button(app) is not None


def test_a_placeholder_without_a_field_names_the_nearest_one(open_page: OpenPage) -> None:
    app = filled_in(open_page(EVALUATE), user="{qestion}")
    assert "{qestion}" in messages(app)
    assert "{question}" in messages(app)
    assert start_button(app) is None
    assert app.text_area(key="prompt.user").value == "{qestion}"


def test_an_unknown_model_is_told_and_the_text_is_kept(open_page: OpenPage) -> None:
    app = filled_in(open_page(EVALUATE), model="offline:extractiv")
    assert "'extractive'" in messages(app)
    assert app.text_area(key="prompt.user").value == GOOD


def test_a_name_with_a_space_is_told_in_words(open_page: OpenPage) -> None:
    app = filled_in(open_page(EVALUATE))
    app.text_input(key="prompt.name").set_value("my prompt").run()
    assert "'my prompt' cannot be a name" in messages(app)
    assert start_button(app) is None


def test_a_model_without_a_provider_is_told(open_page: OpenPage) -> None:
    app = filled_in(open_page(EVALUATE), model="gpt-5")
    assert messages(app).startswith("A model is written provider:name")


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("parameter.stop", "[", "Stop sequences: not valid JSON"),
        ("parameter.extra", "3", "extra"),
    ],
)
def test_wrong_parameters_are_told(open_page: OpenPage, key: str, text: str, message: str) -> None:
    app = filled_in(open_page(EVALUATE))
    app.text_input(key=key).set_value(text).run()
    assert not app.exception
    assert message in messages(app)
    assert start_button(app) is None


def test_wrong_metric_options_are_told(open_page: OpenPage) -> None:
    app = filled_in(open_page(EVALUATE))
    app.text_area(key="metric.options").set_value("rogue: {n: 1}").run()
    assert "'rogue'" in messages(app)


def test_a_judge_is_asked_for_where_a_metric_needs_one(open_page: OpenPage) -> None:
    app = filled_in(open_page(EVALUATE))
    app.multiselect(key="metric.names").set_value(["qa_accuracy_by_llm"]).run()
    assert "Choose the model that judges." in messages(app)
    app.multiselect(key="metric.judges").set_value(["offline:judge"]).run()
    assert messages(app) == ""
    assert start_button(app) is not None


def test_started_twice_it_is_one_evaluation(open_page: OpenPage, workbench: Workbench) -> None:
    app = filled_in(open_page(EVALUATE))
    token = app.session_state["submission"]
    start_button(app).click().run()
    assert not app.exception
    assert workbench.list_runs().total == 1
    again = filled_in(open_page(EVALUATE))
    again.session_state["submission"] = token  # the second of two quick clicks
    again.run()
    start_button(again).click().run()
    assert workbench.list_runs().total == 1


def test_what_was_typed_outlives_a_visit_to_another_page(open_page: OpenPage) -> None:
    app = filled_in(open_page(EVALUATE))
    app.switch_page("app_pages/runs.py").run()
    app.switch_page(EVALUATE).run()
    assert app.text_area(key="prompt.user").value == GOOD
    assert app.multiselect(key="model.references").value == ["offline:extractive"]


def upload(app: AppTest, name: str, content: bytes) -> None:
    """As if the browser had sent it."""
    folder: TemporaryDirectory[str] = TemporaryDirectory()
    stem, _, ending = name.rpartition(".")
    path = Path(folder.name) / f"{dataset_name(stem)}.{ending}"
    path.write_bytes(content)
    app.session_state["upload.kept"] = KeptFile(name, name, path, folder)
    app.run()


def test_an_uploaded_file_becomes_the_chosen_dataset(
    open_page: OpenPage, workbench: Workbench
) -> None:
    app = open_page(EVALUATE)
    app.segmented_control(key="dataset.source").set_value("Upload a file").run()
    upload(app, "my quiz.csv", CSV)
    preview = app.dataframe[0].value
    assert list(preview.iloc[:, 0]) == ["Ada | Ada L.", "1843"]
    next(each for each in app.button if each.label == "Add dataset").click().run()
    assert not app.exception
    version = workbench.dataset("my-quiz")
    assert version.rows == 2
    assert version.options.reference_field == "answers"
    assert app.selectbox(key="dataset.name").value == "my-quiz"


def test_bad_rows_are_all_listed_before_anything_is_stored(
    open_page: OpenPage, workbench: Workbench
) -> None:
    content = b'{"question": "a", "answers": ["b"]}\nnot json\n{"question": "c"}\n'
    app = open_page(EVALUATE)
    app.segmented_control(key="dataset.source").set_value("Upload a file").run()
    upload(app, "bad.jsonl", content)
    problems = next(each.value for each in app.dataframe if "Reason" in each.value)
    assert list(problems["Line"]) == [2, 3]
    add = next(each for each in app.button if each.label == "Add dataset")
    assert add.disabled
    choice = next(each for each in app.segmented_control if each.label == "Bad rows")
    choice.set_value("Skip them").run()
    next(each for each in app.button if each.label == "Add dataset").click().run()
    assert workbench.dataset("bad").skipped_rows == 2


def test_an_empty_file_is_one_clear_message(open_page: OpenPage) -> None:
    app = open_page(EVALUATE)
    app.segmented_control(key="dataset.source").set_value("Upload a file").run()
    upload(app, "empty.csv", b"")
    assert not app.exception
    assert "empty.csv: The file is empty." in messages(app)


def test_several_judges_make_a_panel(open_page: OpenPage, workbench: Workbench) -> None:
    app = filled_in(open_page(EVALUATE))
    app.multiselect(key="metric.names").set_value(["qa_accuracy_by_llm", "exact_match"]).run()
    app.multiselect(key="metric.judges").set_value(["offline:judge", "offline:echo"]).run()
    app.number_input(key="metric.votes").set_value(3).run()
    start_button(app).click().run()
    assert not app.exception
    (run,) = workbench.list_runs().items
    judged, plain = run.spec.metrics
    assert [each.name for each in judged.panel] == ["judge", "echo"]
    assert judged.judge_parameters.num_responses == 3
    assert plain.panel == ()


def test_every_preset_is_a_run_of_each_model(open_page: OpenPage, workbench: Workbench) -> None:
    for name, seed in (("one", 1), ("two", 2)):
        workbench.models.save_preset(name, InferenceParameters(seed=seed))
    app = filled_in(open_page(EVALUATE))
    app.multiselect(key="model.presets").set_value(["one", "two"]).run()
    captions = " ".join(each.value for each in app.caption)
    assert "1 prompt × 2 models with parameters = 2 runs." in captions
    start_button(app).click().run()
    runs = workbench.list_runs().items
    assert sorted(run.spec.parameters.seed for run in runs) == [1, 2]


def test_earlier_runs_tell_how_many_examples_it_takes(
    open_page: OpenPage, finished: Evaluation
) -> None:
    app = filled_in(open_page(EVALUATE))
    next(each for each in app.button if each.label == "Plan").click().run()
    assert not app.exception
    plans = next(each.value for each in app.dataframe if "Calls for each run" in each.value)
    assert plans["Examples"].min() > 0
