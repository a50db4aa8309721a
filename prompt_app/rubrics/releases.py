"""A release: an experiment as it was measured, and everything that reproduces the measurement."""

from __future__ import annotations

import json
from collections.abc import Mapping
from shlex import quote
from typing import Any

from pydantic import ValidationError

from prompt_app.datamodel.base import Record, content_hash
from prompt_app.errors import ConflictError, RubricError
from prompt_app.rubrics.confidence import (
    ConfidenceRule,
    accuracy_data,
    calibration,
    exact_confidence,
    kappa_data,
    pass_fail_confidence,
)
from prompt_app.rubrics.files import checked_name, experiment_files, read_experiment
from prompt_app.rubrics.folders import Folder
from prompt_app.rubrics.measures import LessonMeasures, measure
from prompt_app.rubrics.model import Experiment, LessonData
from prompt_app.rubrics.results import LessonResult, Pair, pairs

MANIFEST = "release.json"
PROMOTED = "releases/promoted.json"


class Release(Record):
    """``release.json``."""

    name: str
    lesson: str
    experiment: str
    dataset: str
    model: str
    hashes: dict[str, str]
    """Of ``prompt``, ``rubric``, ``examples``, ``dataset`` and ``judge`` (model, parameters and
    code rules)."""
    passing: int
    works: int
    """That measured something."""
    accuracy: dict[str, Any]
    """View -> ``overall`` and each key concept: accuracy, interval, counts, kappa."""
    calibration: dict[str, Any]
    """Key concept -> predicted label -> how often a person agreed."""
    confidence_rule: ConfidenceRule
    command: str
    """Measures the release again."""
    predictions: tuple[Pair, ...]
    """Of the works that measured something, exact labels."""


def release_hashes(experiment: Experiment, data: LessonData) -> dict[str, str]:
    """What a measurement depends on; equal hashes, equal content."""
    of_files = experiment_hashes(experiment)
    judge = of_files.pop("judge")
    return {**of_files, "dataset": dataset_hash(data), "judge": judge}


def experiment_hashes(experiment: Experiment) -> dict[str, str]:
    """Of what lies in a release's own folder."""
    parameters = experiment.parameters.model_dump(mode="json")
    if parameters["max_tokens"] is None:  # younger than the first releases
        del parameters["max_tokens"]
    rules = {n: [r.model_dump(mode="json") for r in rs] for n, rs in experiment.code_rules.items()}
    return {
        "prompt": content_hash(experiment.system_prompt),
        "rubric": experiment.rubric.content_id,
        "examples": content_hash([each.model_dump(mode="json") for each in experiment.examples]),
        "judge": content_hash([parameters, rules]),
    }


def dataset_hash(data: LessonData) -> str:
    """Of the works and of the labels that count."""
    works = [work.model_dump(mode="json") for work in data.works]
    return content_hash([works, data.actual.content_id])


def make_release(
    name: str, result: LessonResult, data: LessonData, rule: ConfidenceRule
) -> tuple[Release, dict[str, str]]:
    """The release and the texts of its folder. Raises RubricError where nothing was measured."""
    exact, pass_fail = measure(result, "exact"), measure(result, "pass_fail")
    if exact.overall.accuracy.value is None:
        raise RubricError(
            f"{result.lesson} cannot be released: no label was compared. Its works have no "
            "labels, or all of them are for tuning or worked examples."
        )
    release = Release(
        name=checked_name(name, "release"),
        lesson=result.lesson,
        experiment=result.experiment.name,
        dataset=result.dataset,
        model=result.model,
        hashes=release_hashes(result.experiment, data),
        passing=result.passing,
        works=exact.students,
        accuracy={each.view: _accuracies(each) for each in (exact, pass_fail)},
        calibration=calibration(result),
        confidence_rule=rule,
        command=(
            f"prompt-app rubric test --release --experiment-name {quote(name)} "
            f"--dataset-name {quote(result.dataset)} --lesson-names {quote(result.lesson)} "
            f"--passing-labels {result.passing}"
        ),
        predictions=tuple(pairs(result, "exact")),
    )
    files = {
        **experiment_files(result.experiment),
        "confidence.json": _json(pass_fail_confidence(result, rule)),
        "confidence-exact.json": _json(exact_confidence(result, rule)),
        MANIFEST: release.model_dump_json(indent=2) + "\n",
    }
    return release, files


def write_release(folder: Folder, release: Release, files: Mapping[str, str]) -> str:
    """Write it, the manifest last. A release never changes: raises ConflictError where another
    of that name is there. Returns its path."""
    path = f"releases/{release.name}/{checked_name(release.lesson, 'lesson')}"
    present = folder.read(f"{path}/{MANIFEST}")
    if present is not None and present != files[MANIFEST]:
        raise ConflictError(f"{path} is there already, with other content; choose another name.")
    for name in sorted(files, key=lambda each: each == MANIFEST):
        folder.write(f"{path}/{name}", files[name])
    return path


def read_release(folder: Folder, name: str, lesson: str) -> Release:
    """Raises RubricError where there is none, or none that can be read."""
    path = f"releases/{checked_name(name, 'release')}/{checked_name(lesson, 'lesson')}/{MANIFEST}"
    text = folder.read(path)
    if text is None:
        raise RubricError(f"There is no {path} in {folder.place}.")
    try:
        return Release.from_json(text)
    except ValidationError as error:
        raise RubricError(f"{path} is no release: {error.errors()[0]['msg']}.") from None


def read_released(folder: Folder, name: str, lesson: str) -> Experiment:
    """A release's experiment as it was measured. Raises RubricError where its files are not those
    that its hashes are of; a folder without ``release.json`` is taken as it is."""
    experiment = read_experiment(folder, name, lesson, "releases")
    if folder.read(f"releases/{name}/{lesson}/{MANIFEST}") is None:
        return experiment
    measured = read_release(folder, name, lesson).hashes
    found = experiment_hashes(experiment)
    changed = [part for part, value in found.items() if measured.get(part) != value]
    if changed:
        raise RubricError(
            f"releases/{name}/{lesson} is not what was measured any more: changed "
            f"{', '.join(changed)}. A release never changes: put its files back, or release them "
            "anew under another name."
        )
    return experiment


def promote(folder: Folder, name: str, lesson: str) -> None:
    """Make the release the one that is used for its lesson."""
    read_release(folder, name, lesson)
    read_released(folder, name, lesson)
    folder.write(PROMOTED, _json({**promoted(folder), lesson: name}))


def promoted(folder: Folder) -> dict[str, str]:
    """Lesson -> the release that is used for it."""
    text = folder.read(PROMOTED)
    try:
        data = json.loads(text) if text else {}
    except json.JSONDecodeError:
        data = None
    if not isinstance(data, dict):
        raise RubricError(f"{PROMOTED} must map lessons to releases.")
    return {str(lesson): str(name) for lesson, name in data.items()}


def promoted_release(folder: Folder, lesson: str) -> str:
    """The release that is used for ``lesson``. Raises RubricError where there is none."""
    name = promoted(folder).get(lesson)
    if name is None:
        raise RubricError(
            f"No release is promoted for {lesson!r}: 'prompt-app rubric promote' chooses one."
        )
    return name


def read_confidence(folder: Folder, name: str, lesson: str) -> dict[str, dict[str, Any]]:
    """``pass_fail``: key concept -> level; ``exact``: key concept -> label -> level. Each is
    empty where the release has no such file."""
    path = f"releases/{checked_name(name, 'release')}/{checked_name(lesson, 'lesson')}"
    files = {"pass_fail": "confidence.json", "exact": "confidence-exact.json"}
    try:
        return {k: json.loads(folder.read(f"{path}/{f}") or "{}") for k, f in files.items()}
    except json.JSONDecodeError:
        raise RubricError(f"A confidence file in {path} is not valid JSON.") from None


def _accuracies(measures: LessonMeasures) -> dict[str, Any]:
    return {
        "overall": accuracy_data(measures.overall.accuracy),
        "concepts": {
            each.name: {
                **accuracy_data(each.accuracy),
                **kappa_data(each),
                "confusion": each.confusion,
            }
            for each in measures.concepts
        },
    }


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
