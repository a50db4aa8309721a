"""The judge behind every prompt of ``judge_prompts/``. A new kind of judge is such a file, a class
in :mod:`prompt_app.metrics.judges` that names it, and a line in the table of metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from pydantic import Field

from prompt_app.datamodel.base import canonical_json
from prompt_app.datamodel.dataset import field_value
from prompt_app.datamodel.model import (
    GenerationRequest,
    InferenceParameters,
    ModelSpec,
    Output,
    Reply,
)
from prompt_app.datamodel.score import MetricInfo, Score, ScoringInput
from prompt_app.errors import (
    InvalidVerdictError,
    MetricError,
    NothingToJudgeError,
    VerdictError,
)
from prompt_app.metrics.common import make_score, readable, references_of
from prompt_app.metrics.judging import JudgePrompt, judge_request, load_judge_prompt, read_verdict
from prompt_app.metrics.votes import tally

_REASON_CHARACTERS = 1_000
_USUAL_QUESTION = "question"
_USUAL_CONTEXTS = ("contexts", "context", "passages", "passage")


@dataclass(frozen=True, kw_only=True)
class PromptedJudge:
    """Asks ``judge`` what its prompt says. With ``num_responses`` in the parameters these are
    votes: see :func:`~prompt_app.metrics.votes.tally`."""

    judge: ModelSpec
    judge_parameters: InferenceParameters = field(default_factory=InferenceParameters)
    question: Annotated[
        str | None,
        Field(
            description="Path of the question's field. Without it: the field 'question', or else "
            "the prompt's last user message."
        ),
    ] = None

    info: ClassVar[MetricInfo]

    @property
    def prompt(self) -> JudgePrompt:
        """The judge's prompt, from its file."""
        return load_judge_prompt(self.info.name)

    def request(self, sample: ScoringInput) -> GenerationRequest:
        """Raises NoReferenceError, TextTooLongError, NothingToJudgeError for a missing field."""
        shown: dict[str, str | list[str]] = {
            name: self._shown(name, sample) for name in self.prompt.shows
        }
        return judge_request(self.prompt, self.judge, self.judge_parameters, shown)

    def verdict(self, sample: ScoringInput, reply: Reply) -> Score:
        """Raises a VerdictError where the reply is not one clear verdict, TiedVotesError for
        votes without a strict majority, NothingToJudgeError for a response without statements."""
        votes: list[Score] = []
        errors: list[MetricError] = []
        for output in reply.outputs:
            try:
                votes.append(self._vote(sample, output))
            except (VerdictError, NothingToJudgeError) as error:
                errors.append(error)
        return tally(self.info, votes, errors)

    def _vote(self, sample: ScoringInput, output: Output) -> Score:
        verdict = read_verdict(self.prompt, output)
        reason = readable(verdict["reasoning"], _REASON_CHARACTERS)
        details: dict[str, Any] = {"judge": self.judge.reference}
        value = self.prompt.value
        found = verdict[value.field]
        if value.form == "share":
            details[value.field] = [
                {**item, "statement": readable(item["statement"], _REASON_CHARACTERS)}
                for item in found
            ]
            number = _share(found, value.counts)
        elif value.form == "average_precision":
            details[value.field] = found
            number = average_precision(found, len(self._contexts(sample)))
        else:
            if value.form == "label":
                details[value.field] = found
            number = self._number(found)
        return make_score(self.info, number, reason, details)

    def _number(self, found: Any) -> float:
        return float(found)

    # what the judge is shown

    def _shown(self, name: str, sample: ScoringInput) -> str | list[str]:
        if name == "question":
            return self._question(sample)
        if name == "contexts":
            return self._contexts(sample)
        if name == "reference_answers":
            needed = self.prompt.needs_reference
            return list(references_of(sample) if needed else sample.references)
        if name in ("criterion", "rubric", "labels"):
            return self._asked(name)
        return sample.text

    def _question(self, sample: ScoringInput) -> str:
        value = field_of(sample, self.question or _USUAL_QUESTION)
        if value is not None:
            return as_text(value)
        if self.question is None:
            return _last_user_message(sample)
        raise self.missing(self.question, "question")

    def _contexts(self, sample: ScoringInput) -> list[str]:
        raise NotImplementedError("a judge of contexts is a ContextJudge")

    def _asked(self, name: str) -> str | list[str]:
        raise NotImplementedError(f"{name!r} is shown by a judge that has it as an option")

    def missing(self, path: str, option: str) -> NothingToJudgeError:
        """The error for a field that ``option`` names and the example lacks."""
        return NothingToJudgeError(
            f"The example has no field {path!r}, which the option {option!r} of "
            f"{self.info.name} names."
        )


@dataclass(frozen=True, kw_only=True)
class ContextJudge(PromptedJudge):
    """A judge that looks at retrieved passages too."""

    contexts: Annotated[
        str | None,
        Field(
            description="Path of the retrieved passages: a list of texts in their order, or one "
            "text. Without it: the field 'contexts', 'context', 'passages' or 'passage'."
        ),
    ] = None

    def _contexts(self, sample: ScoringInput) -> list[str]:
        paths = _USUAL_CONTEXTS if self.contexts is None else (self.contexts,)
        found = next((value for path in paths if (value := field_of(sample, path))), None)
        if found is None:
            if self.contexts is not None:
                raise self.missing(self.contexts, "contexts")
            raise NothingToJudgeError(
                "There are no passages for the judge: name their field by the option 'contexts'."
            )
        return [as_text(one) for one in found] if isinstance(found, list) else [as_text(found)]


def average_precision(useful: Sequence[int], passages: int) -> float:
    """Mean, over the useful passages, of the share of useful ones up to their place; 0 without any.

    ``useful``: 1-based places among so many ``passages``. Manning, Raghavan and Schuetze (2008),
    Introduction to Information Retrieval, section 8.4. Raises InvalidVerdictError for a place
    that is not there.
    """
    if any(place > passages for place in useful):
        raise InvalidVerdictError(
            f"The judge names passage {max(useful)}, and there are {passages}."
        )
    places = sorted(useful)
    precisions = [rank / place for rank, place in enumerate(places, start=1)]
    return sum(precisions) / len(precisions) if precisions else 0.0


def _share(items: Sequence[Mapping[str, Any]], counts: str) -> float:
    if not items:
        raise NothingToJudgeError("The judge found no statement to check.")
    return sum(bool(item[counts]) for item in items) / len(items)


def field_of(sample: ScoringInput, path: str) -> Any:
    """A field of the example; None where it is not there."""
    try:
        return field_value(sample.fields, path)
    except KeyError:
        return None


def as_text(value: Any) -> str:
    """Text as it is, any other value as JSON."""
    return value if isinstance(value, str) else canonical_json(value)


def _last_user_message(sample: ScoringInput) -> str:
    for message in reversed(sample.messages):
        if message.role == "user":
            return message.content
    raise NothingToJudgeError(
        "There is no question for the judge: no field 'question', and no user message in the "
        "prompt. Name its field by the option 'question'."
    )
