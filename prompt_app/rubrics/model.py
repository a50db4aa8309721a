"""Rubrics, works, labels and assessments as values."""

from __future__ import annotations

from typing import Any, Literal

from prompt_app.datamodel.base import Record

ResponseType = Literal["tsv", "json"]
TUNING_SPLIT = "tune"
"""Rows of this split were looked at while the prompt was written: they measure nothing."""
DEFAULT_PASSING = 2
"""So many labels, from the best, pass."""


class Concept(Record):
    """One row of a rubric."""

    name: str
    instructions: str = ""
    definitions: tuple[str, ...]
    """What each of the rubric's labels means here, in their order."""


class Rubric(Record):
    """Key concepts, and the labels that each of them can get."""

    labels: tuple[str, ...]
    """Best first."""
    concepts: tuple[Concept, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(concept.name for concept in self.concepts)

    def without(self, names: frozenset[str]) -> Rubric:
        """This rubric without the key concepts ``names``."""
        kept = tuple(concept for concept in self.concepts if concept.name not in names)
        return self.model_copy(update={"concepts": kept})


class ConceptAssessment(Record):
    """One key concept of one work, assessed."""

    concept: str
    label: str
    observations: str = ""
    evidence: str = ""
    reason: str = ""


Assessment = tuple[ConceptAssessment, ...]
"""One for each key concept, in the rubric's order."""


class RubricParameters(Record):
    """``params.json``."""

    model: str | dict[str, Any]
    """``provider:name``, a bare model id, or a model with its options."""
    num_responses: int
    temperature: float
    max_tokens: int | None = None
    """Longest reply; the provider's own limit when absent."""
    remove_comments: bool = False
    response_type: ResponseType = "tsv"
    lesson: str | None = None
    code_feature_extractor: tuple[str, ...] = ()
    """Key concepts that rules over the parsed program decide instead of the model."""
    num_passing_labels: int | None = None
    """Deprecated: how many labels pass is a setting of the test."""


class WorkedExample(Record):
    """A work with the reply that the model should have given."""

    name: str
    work: str
    reply_file: str
    reply: str
    """As it is written in the file, and as the model is shown it."""
    assessment: Assessment


class CodeRule(Record):
    """A label, and the features that a program needs to get it."""

    label: str
    when: tuple[dict[str, str], ...] = ()
    """Sets of conditions, feature -> ``at least 2``: one set must hold. None: always holds."""


class Experiment(Record):
    """How one lesson is assessed."""

    name: str
    lesson: str
    parameters: RubricParameters
    system_prompt: str
    rubric: Rubric
    examples: tuple[WorkedExample, ...] = ()
    code_rules: dict[str, tuple[CodeRule, ...]] = {}
    """By key concept; the first rule that holds decides."""
    notices: tuple[str, ...] = ()
    """What in the files is deprecated."""


class Work(Record):
    """A text to assess."""

    student: str
    file: str
    text: str


class StudentLabels(Record):
    """A person's labels for one work."""

    student: str
    labels: dict[str, str | None]
    """By key concept; None where there is none."""
    split: str = ""


class LabelFile(Record):
    """``actual_labels.csv``, or one rater's labels."""

    concepts: tuple[str, ...]
    rows: tuple[StudentLabels, ...]

    def of(self, student: str) -> StudentLabels | None:
        return next((row for row in self.rows if row.student == student), None)


class LessonData(Record):
    """The works of one lesson and what people say of them."""

    dataset: str
    lesson: str
    works: tuple[Work, ...]
    actual: LabelFile
    raters: dict[str, LabelFile] = {}
    """Further people's labels of the same works, by name."""
