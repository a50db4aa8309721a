"""A rubric's test as it will run: files read and checked, replies looked up, nothing spent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from pydantic import ValidationError

from prompt_app.datamodel.evaluation import Limits
from prompt_app.datamodel.model import GenerationRequest, InferenceParameters, ModelSpec, Reply
from prompt_app.datamodel.rubric_test import RubricTestOptions
from prompt_app.errors import AssessmentError, RubricError
from prompt_app.interfaces import Store
from prompt_app.providers.caching import cache_key
from prompt_app.providers.catalogue import check_model, check_parameters, named_model, pin_server
from prompt_app.providers.offline_models.scripted import with_rules
from prompt_app.providers.prices import price_of
from prompt_app.rubrics.files import checked_name, read_experiment, read_lesson
from prompt_app.rubrics.folders import Folder
from prompt_app.rubrics.model import (
    DEFAULT_PASSING,
    Assessment,
    Experiment,
    LabelFile,
    LessonData,
    Rubric,
    Work,
)
from prompt_app.rubrics.prompting import (
    asked_rubric,
    build_messages,
    is_blank,
    shown_text,
)
from prompt_app.rubrics.releases import read_released
from prompt_app.rubrics.replies import read_output
from prompt_app.rubrics.results import ReplyProblem
from prompt_app.settings import Settings
from prompt_app.workbench.endpoints import known_model


@dataclass(frozen=True, slots=True)
class PreparedWork:
    """A work with the call that it needs; none where it is blank or rules decide everything."""

    work: Work
    shown: str
    request: GenerationRequest | None
    key: str
    stored: Reply | None = None


@dataclass(frozen=True, slots=True)
class PreparedLesson:
    """Everything checked and pinned, nothing spent yet."""

    experiment: Experiment
    data: LessonData
    model: ModelSpec
    passing: int
    limits: Limits
    works: tuple[PreparedWork, ...]


def prepare_lesson(
    store: Store, settings: Settings, folder: Folder, lesson: str, options: RubricTestOptions
) -> PreparedLesson:
    """Read and check all files. Raises RubricError or another InputError."""
    read = _read(folder, lesson, options)
    data = read_lesson(
        folder, options.dataset, lesson, read.rubric, needs_labels=options.needs_labels
    )
    return _prepare(store, settings, folder, read, data, options)


def prepare_work(
    store: Store, settings: Settings, folder: Folder, lesson: str, release: str, work: Work
) -> PreparedLesson:
    """One work that no dataset holds, to be assessed as a release does it. Stored replies
    answer it. Raises RubricError or another InputError."""
    options = RubricTestOptions(
        dataset="", experiment=release, kind="releases", use_cached=True, needs_labels=False
    )
    read = _read(folder, lesson, options)
    nobody = LabelFile(concepts=read.rubric.names, rows=())
    data = LessonData(dataset="", lesson=lesson, works=(work,), actual=nobody)
    return _prepare(store, settings, folder, read, data, options)


def _read(folder: Folder, lesson: str, options: RubricTestOptions) -> Experiment:
    if options.kind == "releases":
        return read_released(folder, options.experiment, lesson)
    return read_experiment(folder, options.experiment, lesson)


def _prepare(
    store: Store,
    settings: Settings,
    folder: Folder,
    read: Experiment,
    data: LessonData,
    options: RubricTestOptions,
) -> PreparedLesson:
    experiment = _overridden(read, options)
    parameters = InferenceParameters(
        temperature=experiment.parameters.temperature,
        num_responses=experiment.parameters.num_responses,
        max_tokens=experiment.parameters.max_tokens,
    )
    model = known_model(resolve_model(experiment.parameters.model, folder), store)
    model = pin_server(model, settings)
    check_model(model, settings)
    check_parameters(model, parameters)
    _check_cap(model, options, parameters.max_tokens)
    passing = options.passing or experiment.parameters.num_passing_labels or DEFAULT_PASSING
    if passing >= len(experiment.rubric.labels):
        raise RubricError(f"{passing} labels cannot pass: the rubric has that many or fewer.")
    works = [_prepare_work(work, experiment, model, parameters) for work in _chosen(data, options)]
    if options.use_cached:
        works = _with_stored(works, store, asked_rubric(experiment))
    return PreparedLesson(experiment, data, model, passing, _limits(options), tuple(works))


def _limits(options: RubricTestOptions) -> Limits:
    return Limits(
        max_concurrency=options.workers,
        requests_per_minute=options.requests_per_minute,
        tokens_per_minute=options.tokens_per_minute,
        max_cost_usd=options.max_cost_usd,
    )


def _check_cap(model: ModelSpec, options: RubricTestOptions, max_tokens: int | None) -> None:
    """A cap can be held only where the dearest call is known."""
    if options.max_cost_usd is None:
        return
    price = price_of(model)
    if price is None:
        raise RubricError(
            f"A spend cap cannot be held for {model.reference}: its price is unknown. Give the "
            "model a 'price' in params.json, or leave the cap out."
        )
    if price.output > 0 and max_tokens is None:
        raise RubricError(
            "A spend cap cannot be held while replies may be of any length: set the longest "
            "reply ('max-tokens' in params.json, or --max-tokens)."
        )


def all_lessons(folder: Folder, kind: str, name: str) -> list[str]:
    """The lessons in ``experiments/<name>`` or ``releases/<name>``. Raises RubricError."""
    path = f"{kind}/{checked_name(name, 'experiment')}"
    lessons = folder.folders(path)
    if not lessons:
        raise RubricError(f"There is no lesson in {path} of {folder.place}.")
    return lessons


def prepare_lessons(
    store: Store, settings: Settings, folder: Folder, options: RubricTestOptions
) -> list[PreparedLesson]:
    """Each lesson that ``options`` name, all of the experiment's where they name none. Raises
    RubricError or another InputError."""
    named = tuple(dict.fromkeys(options.lessons))
    lessons = named or all_lessons(folder, options.kind, options.experiment)
    return [prepare_lesson(store, settings, folder, each, options) for each in lessons]


def _overridden(experiment: Experiment, options: RubricTestOptions) -> Experiment:
    given = {
        "model": options.model,
        "num_responses": options.num_responses,
        "temperature": options.temperature,
        "max_tokens": options.max_tokens,
        "remove_comments": options.remove_comments or None,
    }
    update = {name: value for name, value in given.items() if value is not None}
    parameters = experiment.parameters.model_copy(update=update)
    return experiment.model_copy(update={"parameters": parameters})


def resolve_model(given: str | dict[str, Any], folder: Folder) -> ModelSpec:
    """What ``params.json`` names, or an object with ``provider`` and ``name``. Raises
    RubricError, or EvaluationError for a script that is wrong."""
    if isinstance(given, dict):
        try:
            model = ModelSpec.model_validate(given)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in problem["loc"])
            raise RubricError(f"'model', {place}: {problem['msg']}.") from None
        return _with_script(model, folder)
    return named_model(given)


def _with_script(model: ModelSpec, folder: Folder) -> ModelSpec:
    """An offline model with the rules that its script in ``folder`` holds, wherever that is."""
    script = model.options.get("script")
    if script is None:
        return model
    path = PurePosixPath(str(script))
    if path.is_absolute() or ".." in path.parts:
        raise RubricError(f"'model', options.script: {script!r} must be a path below --base.")
    text = folder.read(str(path))
    if text is None:
        raise RubricError(f"'model', options.script: there is no {script} in {folder.place}.")
    return with_rules(model, text, str(path))


def _chosen(data: LessonData, options: RubricTestOptions) -> list[Work]:
    works = list(data.works)
    if options.students:
        known = {work.student for work in works}
        unknown = [name for name in options.students if name not in known]
        if unknown:
            raise RubricError(f"There is no work of {unknown[0]!r} in {data.lesson}.")
        works = [work for work in works if work.student in options.students]
    elif options.needs_labels:
        works = [work for work in works if data.actual.of(work.student) is not None]
    return works[: options.max_students]


def _prepare_work(
    work: Work, experiment: Experiment, model: ModelSpec, parameters: InferenceParameters
) -> PreparedWork:
    shown = shown_text(work.text, work.file, experiment)
    if is_blank(shown) or not asked_rubric(experiment).concepts:
        return PreparedWork(work, shown, None, "")
    messages = build_messages(experiment, shown)
    request = GenerationRequest(model=model, messages=messages, parameters=parameters)
    return PreparedWork(work, shown, request, cache_key(request))


def _with_stored(works: list[PreparedWork], store: Store, rubric: Rubric) -> list[PreparedWork]:
    """A stored reply answers again only where all of it could be read."""
    found = store.find_replies([work.key for work in works if work.request is not None])
    prepared = []
    for work in works:
        stored = found.get(work.key)
        whole = stored is not None and not read_outputs(stored.reply, rubric)[1]
        reply = stored.reply if stored is not None and whole else None
        prepared.append(PreparedWork(work.work, work.shown, work.request, work.key, reply))
    return prepared


def read_outputs(reply: Reply, rubric: Rubric) -> tuple[list[Assessment], list[ReplyProblem]]:
    """The assessments in a reply, and what is wrong with its other outputs."""
    assessments: list[Assessment] = []
    problems: list[ReplyProblem] = []
    for output in reply.outputs:
        try:
            assessments.append(read_output(output, rubric))
        except AssessmentError as error:
            problems.append(ReplyProblem(kind=error.kind, message=str(error)))
    return assessments, problems
