"""Every form of reply, and a name for everything that can be wrong with one."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rubrics.lessons import LABELS, REPLY, RUBRIC

from prompt_app.datamodel.model import Output
from prompt_app.errors import (
    AssessmentError,
    CutOffAssessmentError,
    UnreadableAssessmentError,
)
from prompt_app.rubrics.model import Assessment, ConceptAssessment, ResponseType
from prompt_app.rubrics.replies import MAX_CHARACTERS, read_output, read_reply, write_reply
from prompt_app.rubrics.tables import write_delimited

ROWS = [
    {"Key Concept": "Sprites", "Label": "Extensive", "Reason": "well"},
    {"Key Concept": "Position, Movement", "Label": "None", "Reason": "no"},
]
JSON = json.dumps(ROWS)
FORMS = {
    "TSV": REPLY,
    "TSV, Grade": REPLY.replace("Label", "Grade"),
    "TSV, Windows": REPLY.replace("\n", "\r\n"),
    "TSV, text around": f"Here it is:\n\n```tsv\n{REPLY}```\nI hope this helps, a lot.",
    "TSV, other case": REPLY.replace("Sprites\tExtensive", "SPRITES\t**extensive**"),
    "CSV": 'Key Concept,Label,Reason\nSprites,Extensive,well\n"Position, Movement",None,no\n',
    "Markdown": (
        "Of course.\n\n| Key Concept | Label | Reason |\n|:--|:-:|--|\n"
        "| Sprites | Extensive | well |\n| Position, Movement | None | no |\n\nDone."
    ),
    "CSV, sentences behind": (
        'Key Concept,Label,Reason\nSprites,Extensive,well\n"Position, Movement",None,no\n\n'
        "So, that is it, I hope.\n"
    ),
    "Markdown, no outer bars": (
        "Key Concept | Label | Reason\n:-- | --- | ---\nSprites | Extensive | well\n"
        "Position, Movement | None | no\n\na || b"
    ),
    "Markdown, bars behind": (
        "| Concept | Label | Reason |\n|--|--|--|\n| Sprites | Extensive | well |\n"
        "| Position, Movement | None | no |\nThe test is a || b."
    ),
    "JSON": JSON,
    "JSON, underscores": JSON.replace("Key Concept", "key_concept"),
    "JSON, text around": f"My [final] verdict {{so far}}:\n```json\n{JSON}\n```\nDone.",
    "JSON, inside an object": json.dumps({"assessment": ROWS}),
    "JSON, by concept": json.dumps({row["Key Concept"]: row for row in ROWS}),
    "JSON lines": "\n".join(map(json.dumps, ROWS)),
    "equal rows twice": REPLY + "Sprites\tExtensive\twell\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read(form: str) -> None:
    read = read_reply(FORMS[form], RUBRIC)
    assert [(a.concept, a.label, a.reason) for a in read] == [
        ("Sprites", "Extensive", "well"),
        ("Position, Movement", "None", "no"),
    ]


WRONG = {
    "empty": (" \n", "empty_assessment"),
    "prose": ("The program is fine.", "unreadable_assessment"),
    "missing": ("Key Concept\tLabel\nSprites\tNone\n", "missing_concept"),
    "unexpected": (REPLY + "Loops\tNone\tx\n", "unexpected_concept"),
    "label": (REPLY.replace("Extensive", "Superb"), "unknown_label"),
    "no label": (REPLY.replace("Extensive", ""), "unknown_label"),
    "contradiction": (REPLY + "Sprites\tNone\tx\n", "contradictory_assessment"),
    "twice in one object": (
        '{"Sprites": "None", "Position, Movement": "None", "Sprites": "Limited"}',
        "contradictory_assessment",
    ),
    "JSON cut in a text": (JSON[:-10], "cut_off_assessment"),
    "JSON cut between": (JSON[:60], "cut_off_assessment"),
    "TSV cut in a row": (REPLY[: REPLY.rindex("\tno")], "cut_off_assessment"),
    "only a header": ("Key Concept\tLabel\n", "cut_off_assessment"),
    "CSV, unexpected": (
        'Key Concept,Label\nSprites,None\n"Position, Movement",None\nLoops,None\n',
        "unexpected_concept",
    ),
    "CSV, unexpected with another label": (
        'Key Concept,Label\nSprites,None\nLoops,Superb\n"Position, Movement",None\n',
        "unexpected_concept",
    ),
    "JSON with a stray comma": (JSON.replace('"}, {', '",}, {'), "unreadable_assessment"),
    "an unquoted tab": (REPLY.replace("well", "we\tll"), "unreadable_assessment"),
    "deep": ("[" * 100_000, "unreadable_assessment"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_has_a_name(case: str) -> None:
    text, kind = WRONG[case]
    with pytest.raises(AssessmentError) as refused:
        read_reply(text, RUBRIC)
    assert refused.value.kind == kind


def test_the_token_limit_cuts_off() -> None:
    with pytest.raises(CutOffAssessmentError, match="token limit"):
        read_output(Output(text=REPLY, finish_reason="length"), RUBRIC)


TEXTS = st.text(
    st.one_of(st.sampled_from("\t,\"|\n;{}[]:'\\"), st.characters(exclude_categories=["C", "Z"])),
    max_size=30,
).map(str.strip)
ASSESSMENTS = st.tuples(
    *(
        st.builds(
            ConceptAssessment, concept=st.just(concept.name), label=st.sampled_from(LABELS),
            observations=TEXTS, evidence=TEXTS, reason=TEXTS,
        )
        for concept in RUBRIC.concepts
    )
)  # fmt: skip


@given(ASSESSMENTS, st.sampled_from(["tsv", "json"]))
def test_every_cell_survives(assessment: Assessment, response_type: ResponseType) -> None:
    assert read_reply(write_reply(assessment, response_type), RUBRIC) == assessment


@given(ASSESSMENTS)
def test_every_cell_survives_as_csv(assessment: Assessment) -> None:
    rows = [(a.concept, a.observations, a.evidence, a.label, a.reason) for a in assessment]
    header = ("Key Concept", "Observations", "Evidence", "Grade", "Reason")
    assert read_reply(write_delimited([header, *rows], ","), RUBRIC) == assessment


@given(st.one_of(st.text(max_size=200), st.text('{}[]",:|\t\nKeyConceptLabel ', max_size=200)))
def test_no_text_does_anything_but_raise_an_assessment_error(text: str) -> None:
    with pytest.raises(AssessmentError):
        read_reply(text, RUBRIC)


def test_a_cell_that_begins_with_a_quote_keeps_it() -> None:
    reply = REPLY.replace("well", '"Hi!" is drawn')
    assert read_reply(reply, RUBRIC)[0].reason == '"Hi!" is drawn'


def test_what_json_forbids_in_strings_survives() -> None:
    code = "if (a) {\n\tb();\n}"
    reply = JSON.replace("well", code)
    assert code in reply
    assert read_reply(reply, RUBRIC)[0].reason == code


@pytest.mark.parametrize("line", ["a\n", "a,\n", "|\n"])
def test_a_long_reply_without_a_table_takes_no_time(line: str) -> None:
    """A worker reads replies between its calls."""
    text = line * (MAX_CHARACTERS // len(line))
    started = time.process_time()
    with pytest.raises(UnreadableAssessmentError):
        read_reply(text, RUBRIC)
    assert time.process_time() - started < 5
