"""Prompts: the list, and one prompt's versions, labels, differences and scores. What is typed into
the editor is a matter of the browser's tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from prompt_app.datamodel.evaluation import Evaluation
from prompt_app.datamodel.prompt import PromptTemplate
from prompt_app.workbench import Workbench

OpenPage = Callable[..., AppTest]
PROMPTS, PROMPT = "app_pages/prompts.py", "app_pages/prompt.py"


def texts(app: AppTest) -> str:
    shown = [*app.caption, *app.markdown, *app.info, *app.warning, *app.error, *app.success]
    return " ".join(str(each.value) for each in shown).replace("\\", "")


def press(app: AppTest, label: str) -> AppTest:
    next(each for each in app.button if each.label.replace("\\", "") == label).click().run()
    assert not app.exception
    return app


@pytest.fixture
def second(workbench: Workbench) -> None:
    template = PromptTemplate.model_validate("Read: {passage}\nAsk: {question}")
    workbench.prompt_library.save("with-passage", template, "shorter")


def test_prompts_are_listed_and_searched(open_page: OpenPage) -> None:
    app = open_page(PROMPTS)
    assert "2 prompts" in texts(app)
    app.text_input(key="q").set_value("without").run()
    assert "1 prompt" in texts(app)
    app.text_input(key="q").set_value("nothing like it").run()
    assert "No prompt fits" in texts(app)


def test_an_address_without_a_prompt_says_so(open_page: OpenPage) -> None:
    app = open_page(PROMPT, name="with-pasage")
    assert "'with-passage'" in texts(app)


def test_the_chosen_version_is_rendered_on_the_chosen_row(
    open_page: OpenPage, second: None
) -> None:
    app = open_page(PROMPT, name="with-passage", on_row="2")
    assert any(each.value.startswith("Read: ") for each in app.code)
    app = open_page(PROMPT, name="with-passage", version="1")
    assert not any(each.value.startswith("Read: ") for each in app.code)
    app.number_input(key="on_row").set_value(3).run()
    assert not app.exception
    assert len(app.code) == 2


def test_few_shot_examples_are_rendered_before_the_question(
    open_page: OpenPage, workbench: Workbench
) -> None:
    app = open_page(PROMPT, name="with-passage", on_row="9")
    app.toggle[0].set_value(True).run()
    assert not app.exception
    assert [each.value for each in app.caption if each.value == "assistant"] == ["assistant"] * 3
    before = len(app.code)
    next(each for each in app.number_input if each.label == "How many").set_value(1).run()
    assert len(app.code) == before - 4
    press(app, "Save version")
    few_shot = workbench.prompt("with-passage").template.few_shot
    assert few_shot is not None
    assert (few_shot.dataset, few_shot.count) == ("geography", 1)


def test_a_save_over_a_newer_version_is_refused_and_keeps_the_draft(
    open_page: OpenPage, workbench: Workbench
) -> None:
    app = open_page(PROMPT, name="with-passage", version="1")
    app.toggle[0].set_value(True).run()
    other = PromptTemplate.model_validate("Other: {question}")
    workbench.prompt_library.save("with-passage", other, based_on=1)
    press(app, "Save version")
    assert "has version 2 by now" in texts(app)
    assert app.toggle[0].value is True
    assert workbench.prompt("with-passage").number == 2
    press(app, "Let mine follow version 2")
    press(app, "Save version")
    assert workbench.prompt("with-passage").number == 3


def test_versions_are_compared_and_swapped(open_page: OpenPage, second: None) -> None:
    app = open_page(PROMPT, name="with-passage", part="Compare")
    assert (app.selectbox(key="before").value, app.selectbox(key="after").value) == (1, 2)
    assert "green-background" in " ".join(each.value for each in app.markdown)
    press(app, "Swap")
    assert (app.selectbox(key="before").value, app.selectbox(key="after").value) == (2, 1)


def test_scores_name_version_interval_and_n(open_page: OpenPage, finished: Evaluation) -> None:
    app = open_page(PROMPT, name="with-passage", part="Scores")
    (row,) = app.dataframe[0].value.to_dict("records")
    assert (row["Version"], row["Model"]) == ("1", "offline:extractive")
    assert row["squad_f1"].endswith("n=40")
    assert "[" in row["squad_f1"]
    app = open_page(PROMPT, name="without-passage", part="Scores")
    assert len(app.dataframe[0].value) == 1


def test_a_prompt_without_runs_says_so(open_page: OpenPage) -> None:
    app = open_page(PROMPT, name="with-passage", part="Scores")
    assert "No run has used it yet." in texts(app)


def test_few_shot_examples_are_picked_by_hand(open_page: OpenPage, workbench: Workbench) -> None:
    dataset = workbench.dataset("geography")
    ids = [example.id for example in workbench.examples(dataset, limit=3)]
    few_shot = {"dataset": "geography", "example_ids": [ids[2], ids[0]]}
    template = PromptTemplate.model_validate({"text": "{question}", "few_shot": few_shot})
    workbench.prompt_library.save("shown", template)
    app = open_page(PROMPT, name="shown", on_row="9")
    picked = next(each for each in app.multiselect if each.label == "Picked rows")
    assert picked.value == [ids[2], ids[0]]
    assert [each.value for each in app.caption if each.value == "assistant"] == ["assistant"] * 2
    picked.set_value([ids[0]]).run()
    press(app, "Save version")
    saved = workbench.prompt("shown").template.few_shot
    assert saved is not None
    assert saved.example_ids == (ids[0],)
    app = open_page(PROMPT, name="shown", on_row="9")
    next(each for each in app.multiselect if each.label == "Picked rows").set_value([]).run()
    assert "No row is picked yet" in texts(app)
    press(app, "Save version")
    assert workbench.prompt("shown").template.few_shot is None


def test_what_is_written_over_an_older_version_is_found_again(
    open_page: OpenPage, workbench: Workbench
) -> None:
    app = open_page(PROMPT, name="with-passage")
    app.toggle[0].set_value(True).run()
    newer = PromptTemplate.model_validate("Newer: {question}")
    workbench.prompt_library.save("with-passage", newer, based_on=1)
    app.run()
    assert app.toggle[0].value is True
    app.query_params.pop("version")
    app.run()
    assert any(each.value.startswith("Newer: ") for each in app.code)
    press(app, "Unsaved changes over version 1")
    assert app.toggle[0].value is True
    assert "version 1 of 2" in texts(app)


def test_a_version_is_evaluated_from_its_page(open_page: OpenPage, second: None) -> None:
    app = press(open_page(PROMPT, name="with-passage", version="1"), "Evaluate")
    refs = next(each for each in app.multiselect if each.label == "Stored prompts")
    assert refs.value == ["with-passage@1"]
