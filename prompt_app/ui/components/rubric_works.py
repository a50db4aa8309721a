"""Every work with what people and the model say of it; one in full in a drawer."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from prompt_app.datamodel.counting import counted
from prompt_app.errors import PromptAppError
from prompt_app.rubrics.results import StudentResult
from prompt_app.rubrics.votes import ConceptVote
from prompt_app.ui.components.drawer_steps import drawer_steps
from prompt_app.ui.components.errors import message_of, show_message
from prompt_app.ui.components.rubric_choice import ShownLesson
from prompt_app.ui.components.tables import data_table, opened_row
from prompt_app.ui.components.verbatim import verbatim
from prompt_app.ui.components.wording import plain
from prompt_app.ui.state import workbench

SOURCES = {"model": "model", "cache": "stored reply", "blank": "blank work", "rules": "rules"}
ONLY = "only"
KINDS = ["Disagreements", "Split votes", "Unreadable", "Not counted"]
_BY_DISTANCE = ("#2e9e5b33", "#d9a62133", "#e0702e44", "#d6363655")
"""Those of the report; half transparent, so that they suit a light and a dark page."""
_FARTHEST = len(_BY_DISTANCE) - 1


def work_section(shown: ShownLesson) -> None:
    st.subheader("Works")
    st.pills("Only", KINDS, selection_mode="multi", key=ONLY, wrap=True, bind="query-params")
    students = _listed(shown)
    if not students:
        st.info("No work fits. Clear the choice above.", icon=":material/info:")
        return
    data_table(
        pd.DataFrame([_row(shown, student) for student in students]),
        f"{shown.result.lesson}-works",
        fills=pd.DataFrame([_fills(shown, student) for student in students]),
        key="rubric.works",
        buttons=["Open"],
        column_config={
            "Open": st.column_config.ButtonColumn(
                "", key="rubric.open", type="tertiary", pinned=True, width=60
            ),
            "Student": st.column_config.TextColumn(pinned=True),
        },
        alt="Works of this lesson",
    )
    st.caption(
        "✓ agrees with people, ✗ does not, – no label. The colour goes from green to red with the "
        "number of labels between both."
    )
    row = opened_row("rubric.open", "Open a work", [each.student for each in students])
    if row is not None:
        st.query_params["work"] = students[row].student


def open_addressed_work(shown: ShownLesson) -> None:
    """The one of ``?work=``, beside the page."""
    name = st.query_params.get("work", "")
    if not name:
        return
    if all(each.student != name for each in shown.result.students):
        show_message(f"{shown.result.lesson} has no work of {name!r}.")
    else:
        _drawer(shown)


def _closed() -> None:
    """The address names the work no longer."""
    st.query_params.pop("work", None)


def _listed(shown: ShownLesson) -> list[StudentResult]:
    """Those that the table has."""
    kinds = st.session_state[ONLY]
    return [each for each in shown.result.students if _fits(shown, each, kinds)]


def _fits(shown: ShownLesson, student: StudentResult, kinds: list[str]) -> bool:
    votes = {vote.concept: vote for vote in student.votes}
    found = {
        "Disagreements": any(mark(shown, student, v) == "✗" for v in student.votes),
        "Split votes": any(vote.is_split for vote in votes.values()),
        "Unreadable": bool(student.problems),
        "Not counted": not student.held_out or student.actual is None,
    }
    return all(found[kind] for kind in kinds)


def _row(shown: ShownLesson, student: StudentResult) -> dict[str, str]:
    votes = {vote.concept: vote for vote in student.votes}
    row = {"Open": "Open", "Student": student.student, "By": SOURCES[student.source]}
    for name in shown.result.experiment.rubric.names:
        row[name] = _cell(shown, student, votes.get(name))
    row["Note"] = _note(student)
    return row


def _fills(shown: ShownLesson, student: StudentResult) -> dict[str, str]:
    fills = dict.fromkeys(_row(shown, student), "")
    for vote in student.votes:
        distance = shown.result.distance(student, vote, shown.view)
        if distance is not None:
            fills[vote.concept] = f"background-color: {_BY_DISTANCE[min(distance, _FARTHEST)]}"
    return fills


def _cell(shown: ShownLesson, student: StudentResult, vote: ConceptVote | None) -> str:
    if vote is None:
        return "no prediction"
    predicted = shown.result.shown(vote.label, shown.view) or "tie"
    sign = mark(shown, student, vote)
    actual = _actual(shown, student, vote.concept)
    return f"{sign} {predicted}" + (f" (people: {actual})" if sign == "✗" else "")


def mark(shown: ShownLesson, student: StudentResult, vote: ConceptVote) -> str:
    """Whether a predicted label agrees with the person's."""
    actual = _actual(shown, student, vote.concept)
    if actual is None or vote.label is None:
        return "–"
    return "✓" if shown.result.shown(vote.label, shown.view) == actual else "✗"


def _actual(shown: ShownLesson, student: StudentResult, concept: str) -> str | None:
    given = student.actual.labels.get(concept) if student.actual is not None else None
    return shown.result.shown(given, shown.view)


def _note(student: StudentResult) -> str:
    told = []
    if student.worked_example:
        told.append("worked example, not counted")
    elif not student.held_out:
        told.append("used for tuning, not counted")
    if student.problems:
        told.append(f"{counted(len(student.problems), 'response')} without an assessment")
    return ", ".join(told)


@st.dialog("Work", width=720, position="right", on_dismiss=_closed)
def _drawer(shown: ShownLesson) -> None:
    name = st.query_params["work"]
    names = [each.student for each in _listed(shown)]
    if name in names:
        drawer_steps(names.index(name), len(names), lambda place: _turn_to(names[place]))
    _work(shown, next(each for each in shown.result.students if each.student == name))


def _turn_to(name: str) -> None:
    st.query_params["work"] = name


def _work(shown: ShownLesson, student: StudentResult) -> None:
    st.markdown(f"**{plain(student.student)}**")
    st.caption(plain(f"{student.file} · by {SOURCES[student.source]} {_note(student)}"))
    for vote in student.votes:
        with st.container(border=True, gap="xsmall"):
            st.markdown(f"**{plain(vote.concept)}**")
            actual = _actual(shown, student, vote.concept) or "not labelled"
            predicted = shown.result.shown(vote.label, shown.view) or "tie"
            st.text(f"{mark(shown, student, vote)} predicted {predicted}, people: {actual}")
            if vote.is_split:
                votes = ", ".join(f"{label} {count}" for label, count in vote.votes.items())
                st.caption(plain(f"votes: {votes}"))
            for name in ("reason", "observations", "evidence"):
                if words := getattr(vote, name):
                    st.caption(plain(name))
                    verbatim(words)
    for problem in student.problems:
        show_message(f"{problem.kind}: {problem.message}")
    st.caption("work")
    try:
        verbatim(
            workbench().rubrics.work_text(shown.result.dataset, shown.result.lesson, student.file)
        )
    except PromptAppError as error:
        show_message(message_of(error))


def error_section(shown: ShownLesson) -> None:
    """Replies that could not be read, counted and listed; nothing where there are none."""
    if not shown.measures.errors:
        return
    st.subheader("Replies without an assessment")
    counted = ", ".join(
        f"{kind.replace('_', ' ')} {n}" for kind, n in shown.measures.errors.items()
    )
    st.caption(plain(counted))
    rows = [
        {"Student": student.student, "Error": problem.kind, "What": problem.message}
        for student in shown.result.students
        for problem in student.problems
    ]
    name = f"{shown.result.lesson}-without-assessment"
    data_table(pd.DataFrame(rows), name, alt="Replies without an assessment")
