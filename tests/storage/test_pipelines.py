from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from prompt_app.datamodel.model import TokenUsage
from prompt_app.datamodel.pipeline import (
    FunctionInfo,
    FunctionParameter,
    PipelineCall,
    StepTrace,
)
from prompt_app.errors import UnknownNameError
from prompt_app.storage.store import SqlStore


def info(name: str, fingerprint: str = "1") -> FunctionInfo:
    return FunctionInfo(
        name=name,
        source="custom",
        group="custom_a.py",
        parameters=(FunctionParameter(name="text", kind="str"),),
        fingerprint=fingerprint,
    )


def a_call(call_id: str, pipeline_id: int | None, text: str = "upper(a)") -> PipelineCall:
    step = StepTrace(
        index=0, parent=None, name="upper", source="built-in", column=1, state="done",
        inputs={"text": "\x00\ud800"}, output="X", usage=TokenUsage(input=2),
    )  # fmt: skip
    return PipelineCall(
        id=call_id, pipeline_id=pipeline_id, name="loud", number=1, text=text,
        arguments={"a": [1, None]}, state="done", output={"x": 1}, steps=(step,), cost_usd=0.5,
    )  # fmt: skip


def test_functions_are_registered_removed_and_come_back(store: SqlStore) -> None:
    store.register_functions([info("b"), info("a")], "Ann")
    first = store.list_functions()
    assert [each.info for each in first] == [info("a"), info("b")]
    assert {each.registered_by for each in first} == {"Ann"}
    store.register_functions([info("a")], "Ben")
    kept, gone = store.list_functions()
    assert kept == first[0]
    assert gone.removed_at is not None
    store.register_functions([info("a", "2"), info("b")], "Ben")
    changed, back = store.list_functions()
    assert (changed.info.fingerprint, changed.registered_by) == ("2", "Ben")
    assert back.removed_at is None


def test_versions_are_numbered_and_an_equal_one_is_not_saved_twice(store: SqlStore) -> None:
    first = store.save_pipeline("loud", "upper(a)", model="offline:echo", note="n", by="Ann")
    assert (first.number, first.model, first.created_by) == (1, "offline:echo", "Ann")
    assert store.save_pipeline("loud", "upper(a)", model="offline:echo").number == 1
    second = store.save_pipeline("loud", "upper(b)\x00")
    assert (second.number, second.pipeline_id) == (2, first.pipeline_id)
    assert store.save_pipeline("loud", "upper(a)", model="offline:echo").number == 3
    assert [each.number for each in store.list_pipeline_versions("loud")] == [3, 2, 1]
    assert store.get_pipeline("loud", 2) == second
    assert store.get_pipeline(first.pipeline_id).number == 3


def test_two_who_save_at_once_get_two_versions(store: SqlStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        saved = list(pool.map(lambda n: store.save_pipeline("loud", f"upper({n})"), range(8)))
    assert sorted(each.number for each in saved) == list(range(1, 9))


def test_pipelines_are_listed_newest_first_and_found_by_text(store: SqlStore) -> None:
    store.save_pipeline("one", "upper(a)")
    store.save_pipeline("two", "lower(100%)")
    store.save_pipeline("one", "upper(b)")
    page = store.list_pipelines()
    assert [(each.name, each.number) for each in page.items] == [("one", 2), ("two", 1)]
    assert page.total == 2
    assert [each.name for each in store.list_pipelines(text="LOWER").items] == ["two"]
    assert [each.name for each in store.list_pipelines(text="0%").items] == ["two"]
    assert store.list_pipelines(text="_").total == 0
    later = store.list_pipelines(offset=1, limit=1)
    assert [each.name for each in later.items] == ["two"]


def test_what_is_not_there_is_said_with_what_is_near(store: SqlStore) -> None:
    made = store.save_pipeline("simplify", "upper(a)")
    with pytest.raises(UnknownNameError, match="Did you mean 'simplify'"):
        store.get_pipeline("simplfy")
    for wrong in (made.pipeline_id + 1, 2**40, -1):
        with pytest.raises(UnknownNameError, match="no pipeline named"):
            store.get_pipeline(wrong)
    with pytest.raises(UnknownNameError, match="version of the pipeline 'simplify'"):
        store.get_pipeline("simplify", 9)
    with pytest.raises(UnknownNameError):
        store.list_pipeline_versions("other")
    with pytest.raises(UnknownNameError):
        store.get_pipeline_call("p1")


def test_calls_are_kept_whole_and_the_oldest_go(store: SqlStore) -> None:
    loud = store.save_pipeline("loud", "upper(a)").pipeline_id
    quiet = store.save_pipeline("quiet", "lower(a)").pipeline_id
    store.save_pipeline_call(a_call("q1", quiet), keep=3)
    store.save_pipeline_call(a_call("t1", None), keep=3)
    for number in range(5):
        store.save_pipeline_call(a_call(f"c{number}", loud), keep=3)
    page = store.list_pipeline_calls(loud, limit=2)
    assert ([each.id for each in page.items], page.total) == (["c4", "c3"], 3)
    assert store.get_pipeline_call("c4") == a_call("c4", loud)
    assert store.list_pipeline_calls(quiet).total == 1
    assert store.get_pipeline_call("t1").pipeline_id is None


def test_a_deleted_pipeline_is_gone_and_its_id_means_no_other(store: SqlStore) -> None:
    loud = store.save_pipeline("loud", "upper(a)").pipeline_id
    store.save_pipeline_call(a_call("c1", loud), keep=3)
    store.delete_pipeline("loud")
    with pytest.raises(UnknownNameError):
        store.get_pipeline_call("c1")
    with pytest.raises(UnknownNameError):
        store.delete_pipeline("loud")
    assert store.save_pipeline("other", "upper(a)").pipeline_id != loud
