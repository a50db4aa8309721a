"""From an evaluation as it is written to runs that are pinned: everything that can be wrong is
found here, before anything is spent."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from pathlib import Path

from prompt_app.datamodel.dataset import (
    DatasetVersion,
    sampling_key,
)
from prompt_app.datamodel.evaluation import (
    EvaluationSpec,
    ModelSelection,
    Progress,
    Run,
    RunSpec,
)
from prompt_app.datamodel.model import InferenceParameters, ModelSpec
from prompt_app.datamodel.score import MetricSpec
from prompt_app.errors import AuthenticationError, EvaluationError
from prompt_app.interfaces import Store
from prompt_app.metrics import create_metric, metric_class
from prompt_app.pipelines.provider import PROVIDER as PIPELINE
from prompt_app.providers.batching import check_batch
from prompt_app.providers.catalogue import (
    check_access,
    check_model,
    check_parameters,
    pin_server,
)
from prompt_app.providers.offline_models.scripted import with_script
from prompt_app.providers.prices import price_of
from prompt_app.providers.reachability import check_reachable
from prompt_app.settings import Settings
from prompt_app.workbench.endpoints import known_model
from prompt_app.workbench.importing import import_dataset
from prompt_app.workbench.own_parameters import with_own_parameters
from prompt_app.workbench.pinning import PromptPinner, all_examples
from prompt_app.workbench.pipeline_models import (
    argument_prompt,
    check_pipeline_parameters,
    pin_pipeline,
)
from prompt_app.workbench.stopping import check_stopping
from prompt_app.workbench.surveying import Survey, survey_rows
from prompt_app.workbench.thresholds import check_thresholds

MOST_PATHS = 1000
ROWS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class ResolvedRun:
    """A pinned run and how many samples it has."""

    name: str
    spec: RunSpec
    samples: int
    excluded: int
    """Rows left out because they serve as few-shot examples."""


@dataclass(frozen=True, slots=True)
class ResolvedEvaluation:
    """What an evaluation comes down to."""

    spec: EvaluationSpec
    dataset: DatasetVersion
    runs: tuple[ResolvedRun, ...]
    notes: tuple[str, ...] = ()

    def queued_runs(self, evaluation_id: str) -> list[Run]:
        """The runs as the store takes them, in the order of the grid."""
        skipped = self.dataset.skipped_rows
        return [
            Run(
                id=f"{evaluation_id}-{number}",
                evaluation_id=evaluation_id,
                name=run.name,
                spec=run.spec,
                progress=Progress(total=run.samples, excluded=run.excluded, skipped_rows=skipped),
            )
            for number, run in enumerate(self.runs, start=1)
        ]


class Resolver:
    """``folder`` is where relative paths of datasets and scripts start. With ``probe`` the
    providers' servers are tried for a connection, so that a wrong address is told now."""

    def __init__(
        self, store: Store, settings: Settings, *, folder: Path = Path(), probe: bool = False
    ) -> None:
        self._store = store
        self._settings = settings
        self._folder = folder
        self._probe = probe

    def resolve(self, spec: EvaluationSpec, *, save_prompts: bool) -> ResolvedEvaluation:
        """Raises an InputError, or an AuthenticationError where credentials are missing."""
        spec = with_own_parameters(self._with_servers(spec))
        metrics = [create_metric(metric) for metric in spec.metrics]
        check_thresholds(spec.thresholds, spec.metrics)
        self._check_models(spec)
        dataset = self._dataset(spec)
        check_stopping(spec, dataset)
        threshold = self._sample_threshold(spec, dataset)
        pinner = PromptPinner(self._store, dataset)
        prompts = [
            pinner.pin(argument_prompt(chosen, self._settings, self._store))
            for chosen in spec.prompts
        ]
        base = RunSpec(
            dataset_version=dataset.id,
            dataset_name=f"{dataset.name}@{dataset.number}",
            reference_field=dataset.options.reference_field,
            cluster_field=dataset.options.cluster_field,
            split=spec.dataset.split,
            sample_seed=spec.dataset.sample.seed if spec.dataset.sample else 0,
            sample_threshold=threshold,
            prompt=prompts[0],
            model=spec.models[0].model,
            parameters=spec.parameters,
            metrics=spec.metrics,
            repeats=spec.repeats,
            limits=spec.limits,
            cache=spec.cache,
            stopping=spec.stopping,
            mode=spec.mode,
        )
        by_prompt = [base.model_copy(update={"prompt": prompt}) for prompt in prompts]
        needs_reference = any(metric.info.needs_reference for metric in metrics)
        surveys = survey_rows(self._store, by_prompt, dataset, needs_reference=needs_reference)
        if save_prompts:
            by_prompt = [self._with_saved_prompt(pinned) for pinned in by_prompt]
        runs = tuple(
            self._run(spec, pinned, selection, survey)
            for pinned, survey in zip(by_prompt, surveys, strict=True)
            for selection in spec.models
        )
        return ResolvedEvaluation(spec, dataset, runs)

    # the parts

    def _run(
        self, spec: EvaluationSpec, pinned: RunSpec, selection: ModelSelection, survey: Survey
    ) -> ResolvedRun:
        run_spec = pinned.model_copy(
            update={
                "model": selection.model,
                "parameters": spec.parameters.merged(selection.parameters),
            }
        )
        name = f"{pinned.prompt.name} · {selection.model.reference}"
        if pinned.prompt.perturb is not None:
            name += f" · {pinned.prompt.perturb.label}"
        given = selection.parameters.given()
        if given:
            name += " · " + ", ".join(f"{key}={value}" for key, value in given.items())
        samples = survey.rows * spec.repeats
        if spec.mode == "batch":
            check_batch(run_spec.model, run_spec.parameters, samples, self._settings)
        return ResolvedRun(name, run_spec, samples, survey.excluded)

    def _with_servers(self, spec: EvaluationSpec) -> EvaluationSpec:
        """Every model with the server and region that the settings name, so that a run and its
        stored replies are tied to them."""
        models = tuple(
            chosen.model_copy(update={"model": self._pinned(chosen.model)})
            for chosen in spec.models
        )
        metrics = tuple(self._with_pinned_judges(metric) for metric in spec.metrics)
        return spec.model_copy(update={"models": models, "metrics": metrics})

    def _with_pinned_judges(self, metric: MetricSpec) -> MetricSpec:
        pinned = tuple(self._pinned(judge) for judge in metric.panel)
        if metric.judge is not None:
            return metric.model_copy(update={"judge": pinned[0]})
        return metric.model_copy(update={"judges": pinned})

    def _pinned(self, model: ModelSpec) -> ModelSpec:
        """A stored endpoint's model in place of its name; with its server and region, and with
        the rules of its script. A pipeline with its versions."""
        if model.provider == PIPELINE:
            return pin_pipeline(model, self._settings, self._store)
        known = with_script(known_model(model, self._store), self._folder)
        return pin_server(known, self._settings)

    def _check_models(self, spec: EvaluationSpec) -> None:
        capped = spec.limits.max_cost_usd is not None
        for model, parameters, embeds in models_of(spec):
            if model.provider == PIPELINE:
                self._check_pipeline(model, parameters, capped=capped)
                continue
            check_model(model, self._settings, embeds=embeds)
            if not embeds:
                check_parameters(model, parameters)
            self._check_learned(model, parameters)
            self._check_access(model)
            if self._probe:
                check_reachable(model, self._settings)
            price = price_of(model) if capped else None
            if capped and price is None:
                raise EvaluationError(
                    f"max_cost_usd cannot be held for {model.reference}: its price is unknown. "
                    "Give the model a 'price' (US dollars per million input and output tokens), "
                    "or leave the cap out."
                )
            if price is not None and price.output > 0 and parameters.max_tokens is None:
                raise EvaluationError(
                    f"max_cost_usd cannot be held for {model.reference} while its replies may "
                    "be of any length. Set 'max_tokens' in its parameters."
                )

    def _check_access(self, model: ModelSpec) -> None:
        try:
            check_access(model, self._settings)
        except AuthenticationError as error:
            raise AuthenticationError(f"{model.reference} cannot be called. {error}") from None

    def _check_pipeline(
        self, model: ModelSpec, parameters: InferenceParameters, *, capped: bool
    ) -> None:
        check_pipeline_parameters(model, parameters)
        if capped:
            raise EvaluationError(
                f"max_cost_usd cannot be held for {model.reference}: a pipeline's steps are priced "
                "only once they are answered. Leave the cap out."
            )

    def _check_learned(self, model: ModelSpec, parameters: InferenceParameters) -> None:
        learned = self._store.learned_unsupported(model.reference)
        for parameter in parameters.given():
            if parameter in learned:
                raise EvaluationError(
                    f"{model.reference} does not take {parameter!r} (it answered before: "
                    f"{learned[parameter]}). Leave it out for this model."
                )

    def _dataset(self, spec: EvaluationSpec) -> DatasetVersion:
        chosen = spec.dataset
        if chosen.path is not None:
            path = chosen.path
            if not path.startswith("s3://"):
                path = str(self._folder / path)
            dataset = import_dataset(
                self._store,
                self._settings,
                path,
                options=chosen.options,
                skip_bad_rows=chosen.on_bad_rows == "skip",
            )
        else:
            dataset = self._store.get_dataset_version(chosen.name or "", chosen.number)
        if chosen.split is not None and chosen.split not in dataset.split_rows:
            known = ", ".join(sorted(dataset.split_rows)) or "none"
            raise EvaluationError(
                f"Dataset {dataset.name}@{dataset.number} has no split {chosen.split!r}; "
                f"its splits: {known}."
            )
        return dataset

    def _sample_threshold(self, spec: EvaluationSpec, dataset: DatasetVersion) -> str | None:
        """The sampling key of the last example that is in: the size-th smallest."""
        sample = spec.dataset.sample
        if sample is None:
            return None
        keys = (
            sampling_key(sample.seed, example.id)
            for example in all_examples(self._store, dataset.id, spec.dataset.split)
        )
        smallest = heapq.nsmallest(sample.size, keys)
        return smallest[-1] if smallest else None

    def _with_saved_prompt(self, pinned: RunSpec) -> RunSpec:
        """Saves a prompt that was written in place, now that everything is known to be right."""
        prompt = pinned.prompt
        if prompt.number is not None:
            return pinned
        version = self._store.save_prompt_version(prompt.name, prompt.template)
        saved = {"version_id": version.id, "number": version.number}
        return pinned.model_copy(update={"prompt": prompt.model_copy(update=saved)})


def models_of(spec: EvaluationSpec) -> list[tuple[ModelSpec, InferenceParameters, bool]]:
    """Every model that an evaluation calls, judges included, with its parameters, and whether it
    is to embed texts."""
    called = [
        (chosen.model, spec.parameters.merged(chosen.parameters), False) for chosen in spec.models
    ]
    for metric in spec.metrics:
        embeds = metric_class(metric.name).info.judge_kind == "embeddings"
        called += [(judge, metric.judge_parameters, embeds) for judge in metric.panel]
    return called
