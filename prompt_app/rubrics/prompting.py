"""What the model is asked: the prompt with the rubric, the worked examples, the work."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from prompt_app.datamodel.prompt import Message
from prompt_app.errors import RubricError
from prompt_app.rubrics.files import write_rubric
from prompt_app.rubrics.javascript import without_comments
from prompt_app.rubrics.model import ConceptAssessment, Experiment, Rubric, Work
from prompt_app.rubrics.replies import write_reply

BLANK = re.compile(r"[\s\ufeff]*")
COMMENTED = frozenset({".js", ".mjs", ".cjs", ".jsx"})


def asked_rubric(experiment: Experiment) -> Rubric:
    """The rubric that the model sees: without the key concepts that rules decide."""
    return experiment.rubric.without(frozenset(experiment.parameters.code_feature_extractor))


def shown_text(text: str, file: str, experiment: Experiment) -> str:
    """A work as the model is shown it. Raises RubricError where its comments cannot be told."""
    if not experiment.parameters.remove_comments:
        return text
    if PurePosixPath(file).suffix.lower() not in COMMENTED:
        raise RubricError(
            f"Comments cannot be removed from {file}: only JavaScript is known. Leave "
            "'remove-comments' out."
        )
    return without_comments(text)


def build_messages(experiment: Experiment, shown: str) -> tuple[Message, ...]:
    """The system prompt with the rubric, each example with its reply, and the work."""
    rubric = asked_rubric(experiment)
    system = f"{experiment.system_prompt.rstrip()}\n\nRubric:\n{write_rubric(rubric)}"
    messages = [Message(role="system", content=system)]
    for example in experiment.examples:
        reply = example.reply
        if len(rubric.concepts) < len(experiment.rubric.concepts):
            asked = tuple(a for a in example.assessment if a.concept in rubric.names)
            reply = write_reply(asked, experiment.parameters.response_type)
        work = shown_text(example.work, example.name, experiment)
        messages += [Message(role="user", content=work), Message(role="assistant", content=reply)]
    return (*messages, Message(role="user", content=shown))


def is_blank(shown: str) -> bool:
    return BLANK.fullmatch(shown) is not None


def blank_assessment(rubric: Rubric) -> tuple[ConceptAssessment, ...]:
    """The last label for every key concept: no model is needed to see that."""
    return tuple(
        ConceptAssessment(concept=name, label=rubric.labels[-1], reason="The work is blank.")
        for name in rubric.names
    )


def is_worked_example(work: Work, experiment: Experiment) -> bool:
    """Whether the model is shown this very work with its solution."""
    return any("".join(e.work.split()) == "".join(work.text.split()) for e in experiment.examples)
