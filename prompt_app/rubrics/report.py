"""One HTML file that tells everything of a test. It loads nothing and runs nothing; every text
that a student, a person or a model wrote is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from string import Template

from prompt_app.datamodel.counting import counted
from prompt_app.datamodel.score import Interval
from prompt_app.rubrics.measures import Accuracy, ConceptMeasures, LessonMeasures, measure
from prompt_app.rubrics.parameters import write_parameters
from prompt_app.rubrics.results import LessonResult, StudentResult, View
from prompt_app.rubrics.votes import ConceptVote

TITLES = {"exact": "Exact match", "pass_fail": "Pass or fail"}
FARTHEST = 3
"""Distances from here on have one colour."""


def write_report(result: LessonResult, view: View) -> str:
    """The report of one view as an HTML document."""
    measures = measure(result, view)
    experiment = result.experiment
    template = Template(
        files("prompt_app.rubrics").joinpath("report.html").read_text(encoding="utf-8")
    )
    return template.substitute(
        title=_text(f"{TITLES[view]}: {experiment.lesson}"),
        subtitle=_text(
            f"Experiment {experiment.name}, dataset {result.dataset}, model {result.model}"
        ),
        summary=_text(_summary(result, measures)),
        accuracy=_accuracy_table(measures),
        note=_text(_note(measures)),
        confusion="".join(_confusion(each, measures.labels) for each in _all(measures)),
        students=_students(result, view),
        errors=_errors(result, measures),
        parameters=f"<pre>{_text(write_parameters(experiment.parameters))}</pre>",
        prompt=_text(experiment.system_prompt),
        rubric=_rubric(result),
    )


def percent(accuracy: Accuracy) -> str:
    """``85.0%``, or ``none``."""
    return "none" if accuracy.value is None else f"{accuracy.value:.1%}"


def bounds(interval: Interval | None, style: str = ".1%") -> str:
    """``70.1% to 93.2%``, or ``undefined``."""
    if interval is None:
        return "undefined"
    return f"{interval.lower:{style}} to {interval.upper:{style}}"


def _text(value: object) -> str:
    return escape(str(value), quote=True)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells of ``rows`` are whole ``<td>`` elements; the header is plain text."""
    head = "".join(f"<th>{_text(cell)}</th>" for cell in header)
    body = "".join(f"<tr>{''.join(cells)}</tr>\n" for cells in rows)
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>\n"


def _cell(value: object, kind: str = "") -> str:
    return f'<td class="{kind}">{_text(value)}</td>' if kind else f"<td>{_text(value)}</td>"


def _summary(result: LessonResult, measures: LessonMeasures) -> str:
    overall = measures.overall.accuracy
    return (
        f"{percent(overall)} of {counted(overall.scored, 'label')} agree "
        f"(95% interval {bounds(overall.interval)}), on {counted(measures.students, 'work')}. "
        f"Without a prediction: {counted(overall.unscored, 'label')}; measuring nothing (tuning, "
        f"worked examples, unlabelled): {counted(measures.left_out, 'work')}. Not readable: "
        f"{_replies(sum(measures.errors.values()))}; tied: {counted(measures.ties, 'vote')}. "
        f"Cost: {'unknown' if result.cost_usd is None else f'${result.cost_usd:.4f}'}."
    )


def _replies(number: int) -> str:
    return f"{number:,} {'reply' if number == 1 else 'replies'}"


def _note(measures: LessonMeasures) -> str:
    overall = measures.overall.accuracy.interval
    method = overall.method if overall is not None else "none"
    return (
        f"Intervals hold 95%: Wilson's for a key concept, '{method}' over all of them, since the "
        "key concepts of one work are not independent. Kappa is 0 for chance and 1 for agreement; "
        "the weighted one counts a neighbouring label as nearly right."
    )


def _all(measures: LessonMeasures) -> tuple[ConceptMeasures, ...]:
    return (measures.overall, *measures.concepts)


def _accuracy_table(measures: LessonMeasures) -> str:
    header = ["Key concept", "Accuracy", "95% interval", "Agree", "Compared", "No prediction",
              "Kappa", "95% interval", "Weighted kappa", "95% interval"]  # fmt: skip
    rows = []
    for each in _all(measures):
        name = "All key concepts" if each is measures.overall else each.name
        kappa_bounds = bounds(each.kappa_interval, ".2f")
        numbers = [
            percent(each.accuracy), bounds(each.accuracy.interval), each.accuracy.agreeing,
            each.accuracy.scored, each.accuracy.unscored, _kappa(each.kappa), kappa_bounds,
            _kappa(each.weighted_kappa), bounds(each.weighted_kappa_interval, ".2f"),
        ]  # fmt: skip
        rows.append([_cell(name), *(_cell(number, "number") for number in numbers)])
    return _table(header, rows)


def _kappa(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.2f}"


def _confusion(measures: ConceptMeasures, labels: Sequence[str]) -> str:
    name = "All key concepts" if measures.name == "all" else measures.name
    rows = [
        [
            f"<th>{_text(label)}</th>",
            *(
                _cell(count, f"number {_colour(abs(i - j)) if count else ''}")
                for j, count in enumerate(counts)
            ),
        ]
        for i, (label, counts) in enumerate(zip(labels, measures.confusion, strict=True))
    ]
    return f"<h3>{_text(name)}</h3>{_table(['', *labels], rows)}"


def _colour(distance: int | None) -> str:
    return "none" if distance is None else f"d{min(distance, FARTHEST)}"


def _students(result: LessonResult, view: View) -> str:
    names = result.experiment.rubric.names
    rows = []
    for student in result.students:
        votes = {vote.concept: vote for vote in student.votes}
        cells = [_assessed(result, student, name, votes.get(name), view) for name in names]
        rows.append([f"<td>{_text(student.student)}<br><small>{_text(_kind(student))}</small></td>",
                     *cells])  # fmt: skip
    return _table(["Student", *names], rows)


def _kind(student: StudentResult) -> str:
    kinds = {"model": "", "cache": "from a stored reply", "blank": "blank", "rules": "by rules"}
    told = [kinds[student.source]]
    if student.worked_example:
        told.append("worked example, not counted")
    elif not student.held_out:
        told.append("used for tuning, not counted")
    if student.problems:
        told.append(f"{len(student.problems)} unreadable")
    return ", ".join(each for each in told if each)


def _assessed(
    result: LessonResult,
    student: StudentResult,
    concept: str,
    vote: ConceptVote | None,
    view: View,
) -> str:
    actual = None
    if student.actual is not None:
        actual = result.shown(student.actual.labels.get(concept), view)
    predicted = result.shown(vote.label, view) if vote is not None else None
    distance = None if vote is None else result.distance(student, vote, view)
    told = "no prediction" if vote is None else predicted or "tie"
    parts = [f"<b>{_text(told)}</b>"]
    parts.append(f"<br>actual: {_text(actual or 'not labelled')}")
    if vote is not None and vote.is_split:
        shown = ", ".join(f"{label} {count}" for label, count in vote.votes.items())
        parts.append(f"<br><small>votes: {_text(shown)}</small>")
    if vote is not None:
        parts.append(_words(vote))
    return f'<td class="{_colour(distance)}">{"".join(parts)}</td>'


def _words(vote: ConceptVote) -> str:
    told = [("Observations", vote.observations), ("Evidence", vote.evidence)]
    inner = "".join(f"<p>{_text(name)}: {_text(words)}</p>" for name, words in told if words)
    reason = f"<p>{_text(vote.reason)}</p>" if vote.reason else ""
    return f"<details><summary>reason</summary>{reason}{inner}</details>" if reason or inner else ""


def _errors(result: LessonResult, measures: LessonMeasures) -> str:
    if not measures.errors:
        return "<p>Every reply could be read.</p>"
    counted = _table(
        ["Error", "Replies"],
        [[_cell(kind), _cell(count, "number")] for kind, count in measures.errors.items()],
    )
    listed = _table(
        ["Student", "Error", "What"],
        [
            [_cell(student.student), _cell(problem.kind), _cell(problem.message)]
            for student in result.students
            for problem in student.problems
        ],
    )
    return counted + listed


def _rubric(result: LessonResult) -> str:
    rubric = result.experiment.rubric
    rows = [
        [_cell(each) for each in (concept.name, concept.instructions, *concept.definitions)]
        for concept in rubric.concepts
    ]
    return _table(["Key Concept", "Instructions", *rubric.labels], rows)
