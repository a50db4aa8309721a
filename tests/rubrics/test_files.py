"""Files are read and written as they are; what is wrong is told in one line that names it."""

from __future__ import annotations

import pytest
from rubrics.lessons import PARAMETERS, REPLY, RUBRIC, RUBRIC_CSV, LessonFolder

from prompt_app.errors import RubricError
from prompt_app.rubrics.files import (
    experiment_files,
    read_experiment,
    read_lesson,
    read_rubric,
    write_rubric,
)
from prompt_app.rubrics.folders import LocalFolder
from prompt_app.rubrics.labels import read_labels, write_labels
from prompt_app.rubrics.parameters import read_parameters

DATA, EXPERIMENT = "datasets/set/L1", "experiments/e/L1"


def test_any_text_is_a_work_and_labelled_by_its_file(lesson: LessonFolder) -> None:
    lesson.write(f"{DATA}/essay.md", "# Sprites\n")
    lesson.write(f"{DATA}/README.md", "Ten works.\n")
    lesson.write(
        f"{DATA}/actual_labels.csv", 'student,Sprites,"Position, Movement"\nessay.md,None,None\n'
    )
    data = read_lesson(LocalFolder(lesson.root), "set", "L1", RUBRIC)
    assert [work.file for work in data.works] == ["essay.md", "s1.js", "s2.js"]
    assert [row.student for row in data.actual.rows] == ["essay"]


def test_students_are_who_their_files_say(lesson: LessonFolder) -> None:
    rows = "".join(f"{name},None,None\n" for name in ("Ann", "ann", "_ann"))
    for name in ("Ann", "ann", "_ann"):
        lesson.write(f"{DATA}/{name}.js", "x")
    lesson.write(f"{DATA}/actual_labels.csv", f'student,Sprites,"Position, Movement"\n{rows}')
    data = read_lesson(LocalFolder(lesson.root), "set", "L1", RUBRIC)
    assert [row.student for row in data.actual.rows] == ["Ann", "ann", "_ann"]


def read_all(lesson: LessonFolder) -> None:
    lesson.write(f"{DATA}/s3.txt", "x")
    folder = LocalFolder(lesson.root)
    experiment = read_experiment(folder, "e", "L1")
    read_lesson(folder, "set", "L1", experiment.rubric)


def test_a_lesson_is_read(lesson: LessonFolder) -> None:
    folder = LocalFolder(lesson.root)
    experiment = read_experiment(folder, "e", "L1")
    data = read_lesson(folder, "set", "L1", experiment.rubric)
    assert experiment.rubric == RUBRIC
    assert experiment.parameters.temperature == 0
    assert [a.label for a in experiment.examples[0].assessment] == ["Extensive", "None"]
    assert [work.student for work in data.works] == ["s1", "s2"]
    row = data.actual.of("s1")
    assert row is not None
    assert row.labels == {"Sprites": "Extensive", "Position, Movement": "None"}


def test_an_experiment_survives_its_files(lesson: LessonFolder) -> None:
    folder = LocalFolder(lesson.root)
    experiment = read_experiment(folder, "e", "L1")
    for name, text in experiment_files(experiment).items():
        folder.write(f"experiments/again/L1/{name}", text)
    again = read_experiment(folder, "again", "L1")
    assert again.model_copy(update={"name": "e"}) == experiment


def test_rubric_and_labels_survive_writing() -> None:
    assert read_rubric(write_rubric(RUBRIC), "r") == RUBRIC
    text = 'student,Sprites,"Position, Movement",split\ns1,Limited,,tune\n'
    assert write_labels(read_labels(text, "l", RUBRIC)) == text


def test_parameters_written_as_texts_are_taken(lesson: LessonFolder) -> None:
    lesson.parameters(
        model="gpt-x", num_responses="3", temperature="0.2", remove_comments="1",
        num_passing_grades="2",
    )  # fmt: skip
    experiment = read_experiment(LocalFolder(lesson.root), "e", "L1")
    assert experiment.parameters.num_responses == 3
    assert experiment.parameters.remove_comments
    assert experiment.parameters.num_passing_labels == 2
    assert "'num-passing-grades' is deprecated" in experiment.notices[0]


WRONG_FILES = {
    "label not in the rubric": (
        f"{DATA}/actual_labels.csv", 'student,Sprites,"Position, Movement"\ns1,Superb,None\n',
        ["actual_labels.csv", "'s1'", "'Superb'", "Extensive, Convincing"],
    ),
    "no label at all": (
        f"{DATA}/actual_labels.csv", 'student,Sprites,"Position, Movement"\ns1,,\n', ["no label"],
    ),
    "empty labels": (f"{DATA}/actual_labels.csv", "", ["actual_labels.csv", "empty"]),
    "unknown concept": (
        f"{DATA}/actual_labels.csv", "student,Sprite\ns1,None\n", ["'Sprite'", "mean 'Sprites'"],
    ),
    "student without a file": (
        f"{DATA}/actual_labels.csv", 'student,Sprites,"Position, Movement"\nzoe,None,None\n',
        ["'zoe'", "no file"],
    ),
    "duplicate student": (
        f"{DATA}/actual_labels.csv",
        'student,Sprites,"Position, Movement"\ns1,None,None\ns1,None,None\n', ["'s1' twice"],
    ),
    "duplicate concept": (
        f"{EXPERIMENT}/standard_rubric.csv", RUBRIC_CSV + "sprites,,a,b,c,d\n",
        ["standard_rubric.csv", "'sprites' twice"],
    ),
    "rubric without labels": (
        f"{EXPERIMENT}/standard_rubric.csv", "Key Concept,Instructions\nA,b\n", ["two columns"],
    ),
    "example of other concepts": (
        f"{EXPERIMENT}/examples/1.tsv", REPLY.replace("Sprites", "Loops"),
        ["examples/1.tsv", "'Loops'"],
    ),
    "example lacking a concept": (
        f"{EXPERIMENT}/examples/1.tsv", "Key Concept\tLabel\nSprites\tNone\n",
        ["examples/1.tsv", "'Position, Movement'"],
    ),
    "cells beyond the header": (
        f"{DATA}/actual_labels.csv",
        "student,Sprites,\"Position, Movement\"\ns1,None,None,Limited\n",
        ["'s1' has 4 cells, the header 3"],
    ),
    "labels parted by semicolons": (
        f"{DATA}/actual_labels.csv", "student;Sprites\ns1;None\n", ["'student'", "student;Sprites"],
    ),
    "a student and his file": (
        f"{DATA}/actual_labels.csv",
        'student,Sprites,"Position, Movement"\ns3,None,None\ns3.txt,None,None\n', ["'s3' twice"],
    ),
    "example with two replies": (f"{EXPERIMENT}/examples/1.json", "[]", ["1.json, 1.tsv"]),
    "example with two works": (f"{EXPERIMENT}/examples/1.py", "x", ["1.js, 1.py"]),
    "example without a reply": (f"{EXPERIMENT}/examples/2.js", "x", ["2.js", "no reply"]),
    "no JSON": (f"{EXPERIMENT}/params.json", "{", ["params.json", "JSON"]),
    "empty prompt": (f"{EXPERIMENT}/system_prompt.txt", " \n", ["system_prompt.txt", "empty"]),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_FILES)
def test_wrong_files_are_refused_in_one_line(lesson: LessonFolder, case: str) -> None:
    path, text, told = WRONG_FILES[case]
    lesson.write(path, text)
    with pytest.raises(RubricError) as refused:
        read_all(lesson)
    message = str(refused.value)
    assert "\n" not in message
    for words in told:
        assert words in message


WRONG_PARAMETERS = {
    "text for a number": ({"num-responses": "three"}, "'num-responses' must be a whole number"),
    "fraction": ({"num-responses": 1.5}, "whole number from 1 to 100, not 1.5"),
    "boolean": ({"temperature": True}, "'temperature' must be a number from 0 to 2, not True"),
    "too hot": ({"temperature": 3}, "'temperature'"),
    "not a number": ({"temperature": "nan"}, "'temperature'"),
    "no model": ({"model": 5}, "'model' must be a model's name"),
    "flag": ({"remove-comments": "maybe"}, "'remove-comments' must be true or false"),
    "response type": ({"response-type": "xml"}, "'tsv' or 'json'"),
    "list": ({"code-feature-extractor": "Sprites"}, "a list of key concepts"),
    "concept": ({"code-feature-extractor": ["Loops"]}, "'Loops'"),
    "unknown key": ({"temprature": 1}, "no parameter 'temprature'. Did you mean 'temperature'?"),
}


@pytest.mark.parametrize("case", WRONG_PARAMETERS)
def test_wrong_parameters_are_refused(lesson: LessonFolder, case: str) -> None:
    values, told = WRONG_PARAMETERS[case]
    lesson.parameters(**{**PARAMETERS, **values})
    with pytest.raises(RubricError) as refused:
        read_all(lesson)
    assert "params.json" in str(refused.value)
    assert told in str(refused.value)


@pytest.mark.parametrize("key", sorted(PARAMETERS))
def test_required_parameters(lesson: LessonFolder, key: str) -> None:
    lesson.parameters(**{k: v for k, v in PARAMETERS.items() if k != key})
    with pytest.raises(RubricError, match=f"'{key}' is missing"):
        read_all(lesson)


@pytest.mark.parametrize("name", ["../x", "/etc", "a/b", "", "..", "x\n"])
def test_no_name_leaves_its_folder(lesson: LessonFolder, name: str) -> None:
    with pytest.raises(RubricError, match="cannot be the name"):
        read_experiment(LocalFolder(lesson.root), name, "L1")


def test_further_raters_are_read(lesson: LessonFolder) -> None:
    lesson.write(
        f"{DATA}/actual_labels.maria.csv",
        'student,Sprites,"Position, Movement"\ns1,Limited,None\n',
    )
    data = read_lesson(LocalFolder(lesson.root), "set", "L1", RUBRIC)
    assert data.raters["maria"].rows[0].labels["Sprites"] == "Limited"


def test_a_parameter_given_twice_is_refused() -> None:
    text = '{"model": "offline:echo", "num-responses": 1, "temperature": 0, "temperature": 1}'
    with pytest.raises(RubricError, match=r"p\.json has 'temperature' twice"):
        read_parameters(text, "p.json")
