"""Planning is pure: what is left follows from the spec, the rows and what is finished."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prompt_app.datamodel.dataset import Example, sampling_key
from prompt_app.datamodel.evaluation import Limits, RunSpec, SampleKey
from prompt_app.datamodel.model import InferenceParameters, ModelSpec
from prompt_app.datamodel.prompt import PinnedPrompt, PromptTemplate
from prompt_app.engine.plan import plan_work


def examples(count: int) -> list[Example]:
    return [
        Example(id=f"x{n}", position=n, fields={"q": f"text {n}"}, split="ab"[n % 2])
        for n in range(count)
    ]


def spec(**changes: object) -> RunSpec:
    base = RunSpec(
        dataset_version="v",
        dataset_name="d@1",
        reference_field="answers",
        prompt=PinnedPrompt(
            name="p", version_id="p1", template=PromptTemplate.model_validate("{q}")
        ),
        model=ModelSpec.model_validate("offline:echo"),
        parameters=InferenceParameters(),
        metrics=(),
        repeats=1,
        limits=Limits(),
        cache="use",
    )
    return base.model_copy(update=changes)


@given(st.integers(0, 30), st.integers(1, 4), st.data())
def test_finished_and_planned_make_up_the_whole(
    rows: int, repeats: int, data: st.DataObject
) -> None:
    everything = [
        SampleKey(example_id=f"x{n}", repeat=r) for n in range(rows) for r in range(repeats)
    ]
    finished = set(data.draw(st.lists(st.sampled_from(everything)))) if everything else set()
    planned = [item.key for item in plan_work(spec(repeats=repeats), examples(rows), finished)]
    assert len(planned) == len(set(planned))
    assert set(planned) | finished == set(everything)
    assert not set(planned) & finished


def test_only_the_split_is_planned() -> None:
    planned = list(plan_work(spec(split="a"), examples(10), set()))
    assert [item.example.position for item in planned] == [0, 2, 4, 6, 8]


def test_a_seeded_sample_is_those_up_to_the_threshold() -> None:
    rows = examples(50)
    threshold = sorted(sampling_key(3, row.id) for row in rows)[9]
    planned = list(plan_work(spec(sample_seed=3, sample_threshold=threshold), rows, set()))
    assert len(planned) == 10


def test_shots_are_never_scored_neither_by_id_nor_by_content() -> None:
    rows = examples(5)
    same_content = Example(id="other", position=5, fields=rows[1].fields, split="a")
    prompt = spec().prompt.model_copy(update={"shots": (rows[1],), "shot_answers": ("y",)})
    planned = list(plan_work(spec(prompt=prompt), [*rows, same_content], set()))
    assert [item.example.id for item in planned] == ["x0", "x2", "x3", "x4"]
