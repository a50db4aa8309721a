"""Checks pipelines against the functions, prompts and models that there are now."""

from __future__ import annotations

from pydantic import ValidationError

from prompt_app.datamodel.base import Record, problem_text
from prompt_app.datamodel.evaluation import PromptSelection
from prompt_app.datamodel.model import InferenceParameters, ModelSpec
from prompt_app.datamodel.pipeline import PipelineVersion
from prompt_app.datamodel.prompt import PinnedPrompt, PromptVersion
from prompt_app.errors import InputError, PipelineError, UnknownNameError
from prompt_app.interfaces import Store
from prompt_app.pipelines.catalogue import FunctionCatalogue
from prompt_app.pipelines.checking import CheckedPipeline, check_pipeline
from prompt_app.providers.catalogue import check_model, check_parameters, pin_server
from prompt_app.settings import Settings
from prompt_app.workbench.endpoints import known_model
from prompt_app.workbench.pinning import PromptPinner


class Pins(Record):
    """What the names in a pipeline stand for."""

    prompts: dict[str, str] = {}
    """Prompt as it is named -> id of its version."""
    datasets: dict[str, int] = {}
    """Dataset of few-shot examples as it is named -> number of its version."""
    models: dict[str, ModelSpec] = {}
    """Model or endpoint as it is named -> the model that is called, with its server."""


class PipelineChecker:
    """Over what is in the store now, or over what was ``pinned`` before."""

    def __init__(self, settings: Settings, store: Store, pinned: Pins | None = None) -> None:
        self._settings = settings
        self._store = store
        self._pinned = pinned or Pins()
        self.found = Pins()
        """Of everything that was checked."""

    def check(self, text: str, model: str | None = None) -> CheckedPipeline:
        """Parse and check ``text``; ``model`` is for the steps that name none. Raises
        PipelineError with the place of what is wrong."""
        catalogue = FunctionCatalogue(
            self._store.list_functions(),
            self._settings.custom_functions,
            self._find_prompt,
            lambda: [each.name for each in self._store.list_prompts()],
        )
        default = _model(model) if model else None
        return check_pipeline(text, catalogue, default, self._usable_model)

    def problem(self, version: PipelineVersion) -> str:
        """Why ``version`` cannot be called now; empty where it can."""
        try:
            self.check(version.text, version.model)
        except InputError as error:
            return str(error)
        return ""

    def _find_prompt(self, name: str) -> PinnedPrompt:
        plain, _, which = name.partition("@")
        which = self._pinned.prompts.get(name, which)
        version = self._store.get_prompt_version(plain, which or None)
        self.found.prompts[name] = version.id
        pinned = pinned_prompt(version)
        few_shot = version.template.few_shot
        if few_shot is None:
            return pinned
        dataset, _, given = few_shot.dataset.partition("@")
        number = self._pinned.datasets.get(few_shot.dataset, int(given) if given else None)
        source = self._store.get_dataset_version(dataset, number)
        self.found.datasets[few_shot.dataset] = source.number
        selection = PromptSelection(ref=f"{plain}@{version.number}")
        return PromptPinner(self._store, source).pin(selection)

    def _usable_model(self, model: ModelSpec, parameters: InferenceParameters) -> ModelSpec:
        """A stored endpoint's model in place of its name, with the server that the settings
        name."""
        named = model.reference
        pinned = self._pinned.models.get(named)
        model = pinned or pin_server(known_model(model, self._store), self._settings)
        check_model(model, self._settings)
        check_parameters(model, parameters)
        self.found.models[named] = model
        return model


def version_of(store: Store, pipeline: str) -> PipelineVersion:
    """By id, ``name`` (its newest version) or ``name@number``. Raises UnknownNameError."""
    name, _, number = pipeline.partition("@")
    if number and not number.isdecimal():
        raise UnknownNameError(f"version of the pipeline {name!r}", number)
    if name.isdecimal():
        return store.get_pipeline(int(name))
    return store.get_pipeline(name, int(number) if number else None)


def pinned_prompt(version: PromptVersion) -> PinnedPrompt:
    """Without shots."""
    return PinnedPrompt(
        name=version.name, version_id=version.id, number=version.number, template=version.template
    )


def _model(reference: str) -> ModelSpec:
    try:
        return ModelSpec.model_validate(reference)
    except ValidationError as error:
        message = problem_text(error.errors()[0])
        raise PipelineError(f"The pipeline's model: {message}.") from None
