"""Names become functions and values find their parameters; what is wrong is told with its
column."""

from __future__ import annotations

import pytest
from pipelines.making import MODEL, PROMPTS, catalogue, checked

from prompt_app.datamodel.model import ModelSpec
from prompt_app.errors import EvaluationError, PipelineError
from prompt_app.pipelines.checking import check_pipeline


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("prompt_buddy(buddy)", ("buddy",)),
        ("prompt_buddy(buddy=buddy_arg)", ("buddy_arg",)),
        ("p1(a1=p1(a1=arg))", ("arg",)),
        ("two(b, a)", ("b", "a")),
        ("concat(a, b, a, upper(c), [d])", ("a", "b", "c", "d")),
        ('upper("x")', ()),
    ],
)
def test_bare_names_are_the_arguments_in_order(text: str, arguments: tuple[str, ...]) -> None:
    assert checked(text).arguments == arguments


def test_the_steps_are_numbered_in_the_order_of_the_text() -> None:
    steps = checked("concat(p1(a), join([p1(b), upper(c)]))").steps
    assert [(step.function.info.name, step.parent) for step in steps] == [
        ("concat", None), ("p1", 0), ("join", 0), ("p1", 2), ("upper", 2),
    ]  # fmt: skip


def test_a_single_parameter_takes_any_name() -> None:
    assert list(checked("prompt_buddy(friend=x)").root.named) == ["buddy"]
    assert list(checked("upper(anything=x)").root.named) == ["text"]


def test_a_function_comes_before_a_prompt_of_its_name() -> None:
    assert checked("upper(x)").root.function.info.source == "built-in"
    assert checked("prompt/upper(x)").root.function.info.source == "prompt"
    assert checked("my-prompt@production(x)").root.function.info.source == "prompt"


def test_a_prompt_step_names_its_model_and_parameters() -> None:
    step = checked('p1(x, model="openai:gpt-5-mini", temperature=0.2, max_tokens=50)').root
    assert step.model == ModelSpec.model_validate("openai:gpt-5-mini")
    assert step.parameters.given() == {"temperature": 0.2, "max_tokens": 50}
    assert list(step.named) == ["a1"]
    assert checked("p1(x)").root.model == MODEL


def test_a_placeholder_comes_before_a_setting_of_its_name() -> None:
    step = checked('modelled(model="openai:gpt-5-mini")').root
    assert step.model == MODEL
    assert list(step.named) == ["model"]


def test_placeholders_that_are_no_names_go_by_place() -> None:
    assert list(checked("spaced(x)").root.named) == ["Reference Answer(s)"]


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("uper(x)", 1, "no function or prompt named uper. Did you mean upper?"),
        ("concat(a, prompt_budy(x))", 11, "Did you mean prompt_buddy or"),
        ("upper(a, b)", 10, "takes 1 value, and this is one more"),
        ("now(1)", 5, "takes no value"),
        ("replace(text, old='a')", 1, "needs new. It is replace(text: str, old: str, new: str)"),
        ("replace(text, old='a', nwe='b')", 24, "no parameter nwe. Did you mean new?"),
        ("replace(text, 'a', 'b', text='c')", 25, "given text twice"),
        ("truncate(a, 'ten')", 13, "truncate does not take this for characters"),
        ("p1(x, model=m)", 7, "must be written out"),
        ("p1(x, model='gpt')", 13, "provider:name"),
        ("p1(x, temperature='hot')", 19, "temperature: "),
        ("p1(x, temperature=3)", 19, "temperature: "),
        ("p1(x, y)", 7, "takes 1 value"),
    ],
)
def test_what_is_wrong_is_told_at_its_column(text: str, column: int, says: str) -> None:
    with pytest.raises(PipelineError) as caught:
        checked(text)
    assert caught.value.column == column, caught.value
    assert says in str(caught.value)
    assert str(caught.value).count("olumn") == 1


def test_a_prompt_without_a_model_is_an_error() -> None:
    with pytest.raises(PipelineError, match="Column 7: The prompt p1 has no model"):
        check_pipeline("upper(p1(x))", catalogue())


def test_a_model_that_cannot_be_used_is_told_at_its_step() -> None:
    def refuse(model: ModelSpec, parameters: object) -> ModelSpec:
        raise EvaluationError(f"{model.reference} is closed.")

    with pytest.raises(PipelineError, match="Column 7: offline:echo is closed"):
        check_pipeline("upper(p1(x))", catalogue(), MODEL, refuse)


def test_every_prompt_is_a_function_of_its_placeholders() -> None:
    for name in PROMPTS:
        assert len(catalogue().find(f"prompt/{name}").info.parameters) == (
            2 if name == "two" else 1
        )
