"""The judges of the table: each names its prompt in ``judge_prompts/``."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Annotated, Any, ClassVar

from pydantic import Field

from prompt_app.datamodel.score import MetricInfo, ScoringInput
from prompt_app.errors import EvaluationError
from prompt_app.metrics.judging import JudgePrompt, load_judge_prompt
from prompt_app.metrics.prompted_judge import ContextJudge, PromptedJudge, as_text, field_of


class QaAccuracyByLlm(PromptedJudge):
    """1 where the response answers the question as a reference does."""

    info: ClassVar[MetricInfo] = load_judge_prompt("qa_accuracy_by_llm").info


class GradedCorrectness(PromptedJudge):
    """1 to 5, by the references."""

    info: ClassVar[MetricInfo] = load_judge_prompt("graded_correctness").info


class Helpfulness(PromptedJudge):
    """1 to 5."""

    info: ClassVar[MetricInfo] = load_judge_prompt("helpfulness").info


class Tone(PromptedJudge):
    """1 to 5."""

    info: ClassVar[MetricInfo] = load_judge_prompt("tone").info


class Conciseness(PromptedJudge):
    """1 to 5."""

    info: ClassVar[MetricInfo] = load_judge_prompt("conciseness").info


class Refusal(PromptedJudge):
    """1 where the response declines."""

    info: ClassVar[MetricInfo] = load_judge_prompt("refusal").info


class Toxicity(PromptedJudge):
    """1 where the response is toxic."""

    info: ClassVar[MetricInfo] = load_judge_prompt("toxicity").info


class Stereotyping(PromptedJudge):
    """1 where the response stereotypes people."""

    info: ClassVar[MetricInfo] = load_judge_prompt("stereotyping").info


class AnswerRelevancy(PromptedJudge):
    """Share of the response's statements that are about the question."""

    info: ClassVar[MetricInfo] = load_judge_prompt("answer_relevancy").info


class Faithfulness(ContextJudge):
    """Share of the response's statements that the passages support."""

    info: ClassVar[MetricInfo] = load_judge_prompt("faithfulness").info


class ContextPrecision(ContextJudge):
    """Whether the useful passages come first."""

    info: ClassVar[MetricInfo] = load_judge_prompt("context_precision").info


class ContextRecall(ContextJudge):
    """Share of the reference's statements that the passages hold."""

    info: ClassVar[MetricInfo] = load_judge_prompt("context_recall").info


@dataclass(frozen=True, kw_only=True)
class LlmRubric(PromptedJudge):
    """1 where the response meets ``criterion``."""

    criterion: Annotated[
        str,
        Field(
            min_length=1,
            description="What the response must do or be, in your own words: 'gives a date and "
            "names its source', say.",
        ),
    ]

    info: ClassVar[MetricInfo] = load_judge_prompt("llm_rubric").info

    def __post_init__(self) -> None:
        if not self.criterion.strip():
            raise EvaluationError("The option 'criterion' of llm_rubric is blank.")

    def _asked(self, name: str) -> str:
        return self.criterion


@dataclass(frozen=True, kw_only=True)
class RubricLabel(PromptedJudge):
    """One of ``labels`` by ``rubric``: 1 for the first label, 0 for the last, equal steps between.
    Of several votes one label wins, as its place is not a measure."""

    rubric: Annotated[str, Field(min_length=1, description="What is assessed, in your own words.")]
    labels: Annotated[
        tuple[str, ...],
        Field(
            min_length=2,
            description="The labels, best first; behind a label and a colon what it means: "
            "'Limited: names one cause'.",
        ),
    ]

    info: ClassVar[MetricInfo] = load_judge_prompt("rubric_label").info

    def __post_init__(self) -> None:
        if not self.rubric.strip():
            raise EvaluationError("The option 'rubric' of rubric_label is blank.")
        if not all(self.names) or len(set(self.names)) < len(self.names):
            raise EvaluationError("The option 'labels' of rubric_label needs names that differ.")

    @property
    def names(self) -> tuple[str, ...]:
        """The labels without what they mean."""
        return tuple(label.partition(":")[0].strip() for label in self.labels)

    @cached_property
    def prompt(self) -> JudgePrompt:
        """The judge's prompt, its schema allowing these labels alone."""
        prompt = super().prompt
        properties = prompt.output_schema["properties"]
        label = {**properties["label"], "enum": list(self.names)}
        schema = {**prompt.output_schema, "properties": {**properties, "label": label}}
        return prompt.model_copy(update={"output_schema": schema})

    def _asked(self, name: str) -> str | list[str]:
        return self.rubric if name == "rubric" else list(self.labels)

    def _number(self, found: Any) -> float:
        last = len(self.names) - 1
        return (last - self.names.index(found)) / last


@dataclass(frozen=True, kw_only=True)
class Pairwise(PromptedJudge):
    """1 where the response is preferred to the one in ``against``, 0 where that one is. Both
    orders are asked; a judge that changes its mind with the order gives 0.5, a tie."""

    against: Annotated[
        str, Field(min_length=1, description="Path of the field with the answer to compare with.")
    ]

    info: ClassVar[MetricInfo] = load_judge_prompt("pairwise").info
    comes_first: ClassVar[bool] = True
    """Whether the response is shown before the other answer."""

    def orders(self) -> tuple[Pairwise, ...]:
        """The judges that together decide."""
        names = [each.name for each in fields(self)]
        return self, _PairwiseTurned(**{name: getattr(self, name) for name in names})

    def _shown(self, name: str, sample: ScoringInput) -> str | list[str]:
        if name not in {"first", "second"}:
            return super()._shown(name, sample)
        if (name == "first") == self.comes_first:
            return sample.text
        other = field_of(sample, self.against)
        if other is None:
            raise self.missing(self.against, "against")
        return as_text(other)

    def _number(self, found: Any) -> float:
        return float((found == "first") == self.comes_first)


class _PairwiseTurned(Pairwise):
    """The other order."""

    comes_first: ClassVar[bool] = False
