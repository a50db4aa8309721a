"""A judge model says whether the response answers the question as a reference does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from pydantic import Field

from prompt_app.datamodel.base import canonical_json
from prompt_app.datamodel.dataset import field_value
from prompt_app.datamodel.model import GenerationRequest, InferenceParameters, ModelSpec, Reply
from prompt_app.datamodel.score import MetricInfo, Score, ScoringInput
from prompt_app.errors import EvaluationError, MetricError
from prompt_app.metrics.common import make_score, readable, references_of
from prompt_app.metrics.judging import judge_request, load_judge_prompt, read_verdict

_REASON_CHARACTERS = 1_000
_USUAL_FIELD = "question"


@dataclass(frozen=True)
class QaAccuracyByLlm:
    """1 where ``judge`` finds the response correct. Its prompt is data, in
    ``judge_prompts/qa_accuracy_by_llm.yaml``."""

    judge: ModelSpec
    judge_parameters: InferenceParameters = field(default_factory=InferenceParameters)
    question: Annotated[
        str | None,
        Field(
            description="Path of the question's field. Without it: the field 'question', or else "
            "the prompt's last user message."
        ),
    ] = None

    info: ClassVar[MetricInfo] = load_judge_prompt("qa_accuracy_by_llm").info

    def __post_init__(self) -> None:
        if self.judge_parameters.num_responses > 1:
            raise EvaluationError(
                f"{self.info.name} reads one verdict: leave num_responses out of "
                "'judge_parameters'."
            )

    def request(self, sample: ScoringInput) -> GenerationRequest:
        """Raises NoReferenceError, TextTooLongError, MetricError for a missing question."""
        data: dict[str, str | list[str]] = {
            "question": self._question(sample),
            "reference_answers": list(references_of(sample)),
            "answer": sample.text,
        }
        prompt = load_judge_prompt(self.info.name)
        return judge_request(prompt, self.judge, self.judge_parameters, data)

    def verdict(self, sample: ScoringInput, reply: Reply) -> Score:
        """Raises a VerdictError where the reply is not one clear verdict."""
        verdict = read_verdict(load_judge_prompt(self.info.name), reply)
        reason = readable(verdict["reasoning"], _REASON_CHARACTERS)
        return make_score(self.info, verdict["correct"], reason, {"judge": self.judge.reference})

    def _question(self, sample: ScoringInput) -> str:
        path = self.question or _USUAL_FIELD
        try:
            value = field_value(sample.fields, path)
        except KeyError:
            if self.question is None:
                return _last_user_message(sample)
            raise MetricError(
                f"The example has no field {path!r}, which the option 'question' of "
                f"{self.info.name} names."
            ) from None
        return value if isinstance(value, str) else canonical_json(value)


def _last_user_message(sample: ScoringInput) -> str:
    for message in reversed(sample.messages):
        if message.role == "user":
            return message.content
    raise MetricError(
        "There is no question for the judge: no field 'question', and no user message in the "
        "prompt. Name its field by the option 'question'."
    )
