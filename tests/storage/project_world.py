"""A store in which one project has one of everything, each marked by the same word."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from storage.building import a_reply, a_worker, examples, outcome, run_spec, spec_of

from prompt_app.datamodel.catalogue import Endpoint
from prompt_app.datamodel.dataset import DatasetOptions, DatasetVersion
from prompt_app.datamodel.evaluation import Evaluation, Progress, Run, SampleKey
from prompt_app.datamodel.finetuning import FinetuneJob, FinetuneRequest, JobStatus, TrainingSource
from prompt_app.datamodel.labelling import Annotation, LabelQueue, LabelRubric
from prompt_app.datamodel.model import InferenceParameters, ModelSpec
from prompt_app.datamodel.pipeline import PipelineCall
from prompt_app.datamodel.project import (
    Project,
    ProjectItem,
    ProjectMember,
    ProjectRole,
    Reach,
)
from prompt_app.datamodel.prompt import PinnedPrompt, PromptTemplate
from prompt_app.datamodel.rubric_test import RubricTestOptions
from prompt_app.datamodel.serving import Assistant, ModelRoute, RouteTarget
from prompt_app.interfaces import SampleResult, SampleScores, Store, StoredReply, WriteBatch

MARK = "zebra"
NAME = f"{MARK}-one"
KEY = SampleKey(example_id="e0", repeat=0)
MEMBER, READER, STRANGER = Reach(("ann",)), Reach(("rob",)), Reach(("sue",))


@dataclass
class World:
    """What the walk needs to ask for it all."""

    project: Project
    version: DatasetVersion
    evaluation: Evaluation
    run: Run
    queue: LabelQueue
    pipeline_id: int
    rubric_test_id: str
    items: tuple[ProjectItem, ...]


def make_project(store: Store, name: str = f"{MARK}-project") -> Project:
    """Of Ann, who owns it, and Rob, who reads."""
    project = Project(id=f"p{secrets.token_hex(4)}", name=name, note=MARK)
    owner = ProjectMember(member="ann", role=ProjectRole.OWNER)
    made = store.create_project(project, [owner])
    store.save_project_member(made.id, ProjectMember(member="rob", role=ProjectRole.VIEWER))
    return made


def make_world(store: Store) -> World:
    """Everything is made by Ann in her project."""
    project = make_project(store)
    mine = store.reaching(MEMBER.within(project.id))
    rows = examples(3, secret=MARK)
    version = mine.save_dataset_version(NAME, DatasetOptions(), rows, note=MARK, source=MARK)
    template = PromptTemplate.model_validate(f"{MARK} {{question}}")
    prompt = mine.save_prompt_version(NAME, template, MARK)
    mine.set_prompt_label(NAME, MARK, 1)
    evaluation, run = _evaluate(store, mine, version, prompt.template)
    queue = _label(mine, run)
    pipeline = mine.save_pipeline(NAME, f'upper("{MARK}")', note=MARK)
    mine.save_pipeline_call(_call(pipeline.pipeline_id), keep=10)
    options = RubricTestOptions(dataset=MARK, experiment=MARK)
    test = mine.create_rubric_test(options, created_by=MARK)
    mine.save_assistant(Assistant(name=NAME, context=MARK, models=("offline:echo",)))
    mine.save_route(ModelRoute(name=NAME, targets=(RouteTarget(model="offline:echo"),)))
    mine.save_preset(NAME, InferenceParameters(temperature=0.5), MARK)
    model = ModelSpec(provider="offline", name="echo")
    mine.save_endpoint(Endpoint(name=NAME, model=model, note=MARK))
    mine.save_finetune_job(_job())
    return World(
        project=project,
        version=version,
        evaluation=evaluation,
        run=run,
        queue=queue,
        pipeline_id=pipeline.pipeline_id,
        rubric_test_id=test.id,
        items=(
            *(ProjectItem(kind, NAME) for kind in ("dataset", "prompt", "pipeline", "assistant")),
            *(ProjectItem(kind, NAME) for kind in ("alias", "preset", "endpoint")),
            ProjectItem("evaluation", evaluation.id),
            ProjectItem("rubric test", test.id),
            ProjectItem("fine-tuning job", NAME),
        ),
    )


def _evaluate(
    store: Store, mine: Store, version: DatasetVersion, template: PromptTemplate
) -> tuple[Evaluation, Run]:
    """Finished, with a row."""
    prompt = PinnedPrompt(name=NAME, version_id=template.content_id, template=template)
    spec = run_spec(version).model_copy(update={"prompt": prompt})
    evaluation = Evaluation(id=f"e{MARK}", name=MARK, key=f"key-{MARK}", spec=spec_of(), run_ids=())
    run = Run(
        id=f"e{MARK}-1",
        evaluation_id=evaluation.id,
        name=MARK,
        spec=spec,
        progress=Progress(total=1),
    )
    saved = mine.create_evaluation(evaluation, [run])
    lease = store.claim_run(a_worker(), evaluation_id=saved.id)
    assert lease is not None
    batch = WriteBatch()
    batch.replies.append(StoredReply(f"reply-{MARK}", f"cache-{MARK}", a_reply(MARK), 0.25))
    batch.results.append(SampleResult(KEY, 0, f"reply-{MARK}", cost_usd=0.25))
    batch.scores.append(SampleScores(KEY, (outcome(0.125),)))
    failed = SampleKey(example_id="e1", repeat=0)
    batch.results.append(SampleResult(failed, 1, None, error_kind=MARK, error_message=MARK))
    store.write_batch(lease, batch)
    store.end_run(lease, "finished", reason=MARK)
    return saved, store.get_run(run.id)


def _label(store: Store, run: Run) -> LabelQueue:
    queue = LabelQueue(
        id=f"q{MARK}", name=NAME, run_ids=(run.id,), rubric=LabelRubric(question=MARK)
    )
    made = store.create_label_queue(queue)
    said = Annotation(example_id="e0", labeller="ann", labeller_name=MARK, label="pass")
    store.add_annotations(made.id, [said])
    return made


def _call(pipeline_id: int) -> PipelineCall:
    return PipelineCall(
        id=f"c{MARK}",
        pipeline_id=pipeline_id,
        name=NAME,
        number=1,
        text=MARK,
        arguments={},
        state="done",
        created_at=datetime.now(UTC),
    )


def _job() -> FinetuneJob:
    request = FinetuneRequest(
        base_model="gpt-4o-mini", name=MARK, source=TrainingSource(dataset=NAME)
    )
    status = JobStatus(state="running", model=MARK)
    return FinetuneJob(
        id=NAME, remote_id=MARK, examples=1, tokens=1, request=request, status=status
    )
