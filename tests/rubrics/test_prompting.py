"""What the model is shown, and what is decided without it."""

from __future__ import annotations

import pytest
from rubrics.lessons import PARAMETERS, REPLY, LessonFolder

from prompt_app.errors import RubricError
from prompt_app.rubrics.files import read_experiment
from prompt_app.rubrics.folders import LocalFolder
from prompt_app.rubrics.model import Experiment, Work
from prompt_app.rubrics.prompting import (
    blank_assessment,
    build_messages,
    is_blank,
    is_worked_example,
    shown_text,
)
from prompt_app.workbench.rubric_preparing import resolve_model


def read(lesson: LessonFolder, **parameters: object) -> Experiment:
    lesson.parameters(**{**PARAMETERS, **parameters})
    return read_experiment(LocalFolder(lesson.root), "e", "L1")


def test_the_prompt_holds_rubric_examples_and_work(lesson: LessonFolder) -> None:
    system, question, answer, work = build_messages(read(lesson), "var x;\n")
    assert [m.role for m in (system, question, answer, work)] == [
        "system", "user", "assistant", "user",
    ]  # fmt: skip
    assert system.content.startswith("Assess the program.\n\nRubric:\nKey Concept,Instructions,")
    assert '"Position, Movement",,a,b,c,d' in system.content
    assert question.content == "createSprite();\n"
    assert answer.content == REPLY  # as it is written in its file
    assert work.content == "var x;\n"


def test_what_rules_decide_is_not_asked(lesson: LessonFolder) -> None:
    lesson.write("experiments/e/L1/code_rules.yaml", "Sprites: [{label: Limited}]\n")
    experiment = read(lesson, code_feature_extractor=["Sprites"])
    system, _, answer, _ = build_messages(experiment, "x")
    assert "Sprites" not in system.content
    assert answer.content == "Key Concept\tLabel\tReason\nPosition, Movement\tNone\tno\n"


def test_rules_must_be_there_for_what_they_shall_decide(lesson: LessonFolder) -> None:
    with pytest.raises(RubricError, match=r"'Sprites', but code_rules\.yaml has no rules"):
        read(lesson, code_feature_extractor=["Sprites"])


def test_comments_are_removed_on_request_only(lesson: LessonFolder) -> None:
    text = "a(); // b\n"
    assert shown_text(text, "a.js", read(lesson)) == text
    removing = read(lesson, remove_comments=True)
    assert shown_text(text, "a.js", removing) == "a();\n"
    with pytest.raises(RubricError, match=r"a\.txt: only JavaScript"):
        shown_text(text, "a.txt", removing)


@pytest.mark.parametrize(("shown", "blank"), [("", True), (" \n\t\ufeff", True), (";", False)])
def test_blank_work(shown: str, blank: bool, lesson: LessonFolder) -> None:
    assert is_blank(shown) is blank
    assert {a.label for a in blank_assessment(read(lesson).rubric)} == {"None"}


def test_a_worked_example_is_known_whatever_its_spacing(lesson: LessonFolder) -> None:
    experiment = read(lesson)
    shown = Work(student="s", file="s.js", text="createSprite( );\r\n")
    assert is_worked_example(shown, experiment)
    other = shown.model_copy(update={"text": "createGroup();"})
    assert not is_worked_example(other, experiment)


MODELS = {
    "gpt-5-mini": "openai:gpt-5-mini",
    "openai:gpt-5-mini": "openai:gpt-5-mini",
    "bedrock:us.amazon.nova-lite-v1:0": "bedrock:us.amazon.nova-lite-v1:0",
    "anthropic.claude-3-haiku-20240307-v1:0": "bedrock:anthropic.claude-3-haiku-20240307-v1:0",
    "us.anthropic.claude-x-v1:0": "bedrock:us.anthropic.claude-x-v1:0",
    "bedrock.meta.llama3-70b-v1:0": "bedrock:meta.llama3-70b-v1:0",
    "ft:gpt-4o:team": "openai:ft:gpt-4o:team",
}


@pytest.mark.parametrize("name", MODELS)
def test_bare_model_names(name: str, lesson: LessonFolder) -> None:
    assert resolve_model(name, LocalFolder(lesson.root)).reference == MODELS[name]


@pytest.mark.parametrize("script", ["/etc/passwd", "../../secret.yaml", "none.yaml"])
def test_a_script_lies_below_the_base(script: str, lesson: LessonFolder) -> None:
    model = {"provider": "offline", "name": "scripted", "options": {"script": script}}
    with pytest.raises(RubricError, match=r"options\.script"):
        resolve_model(model, LocalFolder(lesson.root))


def test_a_model_with_a_wrong_field_is_refused(lesson: LessonFolder) -> None:
    wrong = {"provider": "openai", "name": "x", "basurl": "y"}
    with pytest.raises(RubricError, match="basurl"):
        resolve_model(wrong, LocalFolder(lesson.root))
