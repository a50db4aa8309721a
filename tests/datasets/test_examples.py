"""The shipped example files."""

from __future__ import annotations

from pathlib import Path

from prompt_app.datamodel.dataset import DatasetOptions, reference_values
from prompt_app.datamodel.evaluation import EvaluationSpec
from prompt_app.datamodel.rendering import check_template
from prompt_app.datasets import check_dataset, read_examples
from prompt_app.settings import Settings

FOLDER = Path(__file__).parents[2] / "examples"


def evaluation() -> EvaluationSpec:
    return EvaluationSpec.from_yaml((FOLDER / "evaluation.yaml").read_text(encoding="utf-8"))


def options() -> DatasetOptions:
    return evaluation().dataset.options


def dataset() -> Path:
    return FOLDER / str(evaluation().dataset.path)


def test_the_dataset_is_sound() -> None:
    check = check_dataset(dataset(), options(), Settings())
    assert (check.rows, check.problem_count) == (40, 0)
    assert check.columns == ("id", "topic", "passage", "question", "answers")


def test_every_answer_stands_in_its_passage() -> None:
    words = {"4": "four"}
    for example in read_examples(dataset(), options(), Settings()):
        passage = example.fields["passage"].casefold()
        references = reference_values(example.fields["answers"])
        assert references
        assert any(words.get(each, each).casefold() in passage for each in references), example.id


def test_the_prompts_fit_the_dataset_and_one_shows_the_passage() -> None:
    paths = check_dataset(dataset(), options(), Settings()).paths
    templates = [prompt.template for prompt in evaluation().prompts]
    for template in templates:
        assert template is not None
        check_template(template, paths)
    shown = ["{passage}" in str(template) for template in templates]
    assert shown == [True, False]
