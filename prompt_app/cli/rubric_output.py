"""What ``prompt-app rubric test`` prints and writes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prompt_app.cli.common import (
    console,
    duration,
    money,
    notices,
    print_json,
    print_table,
)
from prompt_app.cli.plain import THRESHOLD_MISSED, UNFINISHED
from prompt_app.datamodel.score import Interval
from prompt_app.errors import RubricError
from prompt_app.rubrics.confidence import (
    ConfidenceRule,
    accuracy_data,
    exact_confidence,
    kappa_data,
    pass_fail_confidence,
)
from prompt_app.rubrics.files import lesson_path
from prompt_app.rubrics.folders import Folder, LocalFolder, free_path
from prompt_app.rubrics.labels import write_labels
from prompt_app.rubrics.measures import ConceptMeasures, LessonMeasures, measure
from prompt_app.rubrics.model import LabelFile, StudentLabels
from prompt_app.rubrics.report import bounds, percent, write_report
from prompt_app.rubrics.results import LessonResult
from prompt_app.rubrics.thresholds import Thresholds, check_thresholds, missed, read_thresholds
from prompt_app.workbench.rubric_preparing import PreparedLesson
from prompt_app.workbench.rubric_quoting import RubricQuote

REPORTS = {"exact": "report-exact-match.html", "pass_fail": "report-pass-fail.html"}
RESULT = "result.json"


@dataclass(frozen=True, slots=True)
class Finish:
    """What is to come out of a test."""

    output: Path
    thresholds: Path | None
    confidence: bool
    point_estimate: bool
    new_labels: bool
    as_json: bool
    only_estimate: bool

    def check_output(self) -> None:
        """Raises RubricError where results could not be written, before they are paid for."""
        try:
            self.output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            told = f"--output {self.output} cannot be made a folder: {error.strerror}."
            raise RubricError(told) from None
        if not os.access(self.output, os.W_OK):
            raise RubricError(f"--output {self.output} cannot be written to.")


def load_thresholds(
    path: Path | None, prepared: Sequence[PreparedLesson], lessons: Collection[str]
) -> Thresholds:
    """Read and checked before anything is spent. ``lessons``: all of the experiment."""
    if path is None:
        return {}
    text = LocalFolder(path.parent).read(path.name)
    if text is None:
        raise RubricError(f"There is no file {path}.")
    thresholds = read_thresholds(text, str(path))
    tested = {each.experiment.lesson: each.experiment.rubric for each in prepared}
    for lesson in check_thresholds(thresholds, tested, lessons):
        told = f"Thresholds not checked: {lesson}, which --lesson-names leaves out."
        notices.print(told, markup=False)
    return thresholds


def print_quote(quote: RubricQuote, *, to_stderr: bool) -> None:
    """Works, calls, price and time on a few lines."""
    out = notices if to_stderr else console
    cost = "unknown, the model has no price"
    if quote.cost_usd_low is not None:
        cost = f"{money(quote.cost_usd_low)} to {money(quote.cost_usd_high)}"
    lines = [
        f"{quote.works} works: {quote.calls} calls, {quote.cached} from stored replies, "
        f"{quote.without_model} without a model",
        f"about {quote.input_tokens:,} input tokens, {quote.output_tokens_low:,} to "
        f"{quote.output_tokens_high:,} output tokens",
        f"price {cost}; time {duration(quote.seconds_low)} to {duration(quote.seconds_high)}",
    ]
    for line in lines:
        out.print(line, markup=False)


def tell_results(
    results: Sequence[LessonResult], folder: Folder, thresholds: Thresholds, finish: Finish
) -> None:
    """Write everything, print the accuracies, and exit with the code that they ask for."""
    sentences: list[str] = []
    data = []
    for result in results:
        for notice in result.experiment.notices:
            notices.print(notice, markup=False)
        exact, pass_fail = measure(result, "exact"), measure(result, "pass_fail")
        written = _write(result, folder, finish)
        sentences += missed(thresholds, result.lesson, exact)
        data.append(_data(result, exact, pass_fail))
        if not finish.as_json:
            _print(result, exact, pass_fail)
            for path in written:
                console.print(path, markup=False)
    if finish.as_json:
        tested = {result.lesson for result in results}
        unchecked = [lesson for lesson in thresholds if lesson not in tested]
        told = {"missed_thresholds": sentences, "unchecked_thresholds": unchecked}
        print_json({"lessons": data, **told})
    for sentence in sentences:
        notices.print(f"Threshold missed: {sentence}", markup=False)
    _exit(results, sentences)


def _exit(results: Sequence[LessonResult], missed_sentences: Sequence[str]) -> None:
    failed = [
        student
        for result in results
        for student in result.students
        if len(student.votes) < len(result.experiment.rubric.names)
    ]
    if failed:
        told = f"{len(failed)} works have no whole assessment; --use-cached calls only for those."
        notices.print(told, markup=False)
        sys.exit(UNFINISHED)
    if missed_sentences:
        sys.exit(THRESHOLD_MISSED)


def _write(result: LessonResult, folder: Folder, finish: Finish) -> list[str]:
    written = _write_reports(result, LocalFolder(finish.output))
    if finish.confidence:
        rule = ConfidenceRule(point_estimate=finish.point_estimate)
        written += _write_confidence(result, folder, rule)
    if finish.new_labels:
        written.append(_write_new_labels(result, folder))
    return written


def _write_reports(result: LessonResult, output: LocalFolder) -> list[str]:
    path = f"{result.experiment.name}/{result.lesson}"
    output.write(f"{path}/{REPORTS['exact']}", write_report(result, "exact"))
    output.write(f"{path}/{REPORTS['pass_fail']}", write_report(result, "pass_fail"))
    output.write(f"{path}/{RESULT}", result.model_dump_json(indent=1) + "\n")
    return [f"{output.place}/{path}/{name}" for name in (*REPORTS.values(), RESULT)]


def _write_confidence(result: LessonResult, folder: Folder, rule: ConfidenceRule) -> list[str]:
    path = f"experiments/{result.experiment.name}/{result.lesson}"
    levels = {
        "confidence.json": pass_fail_confidence(result, rule),
        "confidence-exact.json": exact_confidence(result, rule),
    }
    for name, each in levels.items():
        folder.write(f"{path}/{name}", json.dumps(each, indent=2, ensure_ascii=False) + "\n")
    return [f"{path}/{name}" for name in levels]


def _write_new_labels(result: LessonResult, folder: Folder) -> str:
    rows = tuple(
        StudentLabels(student=s.student, labels={vote.concept: vote.label for vote in s.votes})
        for s in result.students
    )
    labels = LabelFile(concepts=result.experiment.rubric.names, rows=rows)
    text = write_labels(labels)
    path = free_path(folder, f"{lesson_path(result.dataset, result.lesson)}/new_labels", text)
    folder.write(path, text)
    return path


def _print(result: LessonResult, exact: LessonMeasures, pass_fail: LessonMeasures) -> None:
    names = ["all", *(each.name for each in exact.concepts)]
    both = [exact.overall, *exact.concepts], [pass_fail.overall, *pass_fail.concepts]
    rows = [
        [
            name,
            percent(a.accuracy), bounds(a.accuracy.interval),
            percent(b.accuracy), bounds(b.accuracy.interval),
            a.accuracy.scored, a.accuracy.unscored,
        ]
        for name, a, b in zip(names, *both, strict=True)
    ]  # fmt: skip
    console.print(f"\n{result.lesson}, {result.model}, {exact.students} works", markup=False)
    columns = ["key concept", "exact#", "95% interval#", "pass/fail#", "95% interval#",
               "compared#", "unscored#"]  # fmt: skip
    print_table(columns, rows, "No labels.")
    _print_kappas(dict(zip(names, both[0], strict=True)))
    for kind, count in exact.errors.items():
        console.print(f"replies with {kind}: {count}", markup=False)
    if exact.ties:
        console.print(f"tied votes: {exact.ties}", markup=False)


def _print_kappas(measured: dict[str, ConceptMeasures]) -> None:
    """Of exact labels. The weighted one counts a neighbouring label as nearly right."""
    rows = [
        [name, *_beyond_chance(each.kappa, each.kappa_interval),
         *_beyond_chance(each.weighted_kappa, each.weighted_kappa_interval)]
        for name, each in measured.items()
    ]  # fmt: skip
    columns = ["key concept", "kappa#", "95% interval#", "weighted kappa#", "95% interval#"]
    print_table(columns, rows, "")


def _beyond_chance(kappa: float | None, interval: Interval | None) -> list[str]:
    return ["undefined" if kappa is None else f"{kappa:.2f}", bounds(interval, ".2f")]


def _data(result: LessonResult, exact: LessonMeasures, pass_fail: LessonMeasures) -> dict[str, Any]:
    views: dict[str, Any] = {
        measures.view: {
            "overall": accuracy_data(measures.overall.accuracy),
            "concepts": {
                each.name: {**accuracy_data(each.accuracy), **kappa_data(each)}
                for each in measures.concepts
            },
            "overall_kappa": kappa_data(measures.overall),
        }
        for measures in (exact, pass_fail)
    }
    sources = [student.source for student in result.students]
    return {
        "lesson": result.lesson,
        "dataset": result.dataset,
        "experiment": result.experiment.name,
        "model": result.model,
        "works": len(result.students),
        "sources": {source: sources.count(source) for source in sorted(set(sources))},
        "errors": exact.errors,
        "ties": exact.ties,
        "cost_usd": result.cost_usd,
        **views,
    }
