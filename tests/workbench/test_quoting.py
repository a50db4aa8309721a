"""The quote before a run, held against what the run then takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from engine.runs import echo_spec, only_run, rows_file, work

from prompt_app.datamodel.evaluation import EvaluationSpec, Quote
from prompt_app.providers.mock_server import MockServer
from prompt_app.workbench import Workbench

ROWS = 40
PRICE = {"input": 100.0, "output": 400.0}


@pytest.fixture
def spec(tmp_path: Path, mock_server: MockServer) -> EvaluationSpec:
    model = {
        "provider": "openai", "name": "echo", "base_url": f"{mock_server.url}/v1", "price": PRICE,
    }  # fmt: skip
    return echo_spec(
        rows_file(tmp_path, ROWS),
        mock_server.url,
        models=[model],
        prompts=[{"name": "p", "template": "Say this, word for word, and nothing: {question}"}],
        parameters={"max_tokens": 40},
    )


def changed(spec: EvaluationSpec, **changes: Any) -> EvaluationSpec:
    return EvaluationSpec.model_validate({**spec.model_dump(exclude_none=True), **changes})


def test_it_brackets_what_the_run_takes(workbench: Workbench, spec: EvaluationSpec) -> None:
    quote = workbench.quote(spec)
    assert (quote.samples, quote.calls, quote.cached) == (ROWS, ROWS, 0)
    run = only_run(workbench, spec)
    work(workbench)
    taken = workbench.run(run.id).progress
    assert 0.9 * taken.usage.input <= quote.input_tokens <= 1.5 * taken.usage.input
    assert quote.output_tokens_high == ROWS * 40 >= taken.usage.output
    assert quote.cost_usd_low is not None
    assert quote.cost_usd_high is not None
    assert 0 < quote.cost_usd_low < quote.cost_usd_high
    assert 0 < taken.cost_usd <= quote.cost_usd_high


def test_stored_replies_are_counted_and_cost_nothing(
    workbench: Workbench, spec: EvaluationSpec
) -> None:
    only_run(workbench, spec)
    work(workbench)
    again = workbench.quote(spec)
    assert (again.samples, again.calls, again.cached) == (ROWS, 0, ROWS)
    assert (again.cost_usd_low, again.cost_usd_high, again.input_tokens) == (0, 0, 0)
    repeated = workbench.quote(changed(spec, repeats=3))
    assert (repeated.samples, repeated.calls, repeated.cached) == (3 * ROWS, 2 * ROWS, ROWS)
    assert workbench.quote(changed(spec, cache="refresh")).calls == ROWS


def test_a_stored_reply_counts_for_every_row_that_it_answers(
    workbench: Workbench, spec: EvaluationSpec, tmp_path: Path, mock_server: MockServer
) -> None:
    equal = tmp_path / "equal.jsonl"
    rows = [{"question": "same", "answers": ["same"], "n": n} for n in range(6)]
    equal.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    spec = changed(spec, dataset={"path": str(equal)})
    first = workbench.quote(spec)
    assert (first.calls, first.cached) == (6, 0)
    only_run(workbench, spec)
    work(workbench)
    received = mock_server.stats()["received"]
    assert received == 6
    again = workbench.quote(spec)
    assert (again.samples, again.calls, again.cached) == (6, 0, 6)
    run = only_run(workbench, spec)
    work(workbench)
    assert workbench.run(run.id).progress.cached == 6
    assert mock_server.stats()["received"] == received
    repeated = workbench.quote(changed(spec, repeats=2))
    assert (repeated.samples, repeated.calls, repeated.cached) == (12, 6, 6)


@pytest.mark.parametrize(
    ("limits", "low", "high"),
    [
        ({"max_concurrency": 10}, ROWS * 0.5 / 10, ROWS * 10 / 10),
        ({"max_concurrency": 50, "requests_per_minute": 20}, 120, 120),
    ],
)
def test_the_time_is_that_of_the_allowed_rate(
    workbench: Workbench, spec: EvaluationSpec, limits: dict[str, float], low: float, high: float
) -> None:
    quote = workbench.quote(changed(spec, limits=limits))
    assert quote.seconds_low == pytest.approx(low)
    assert quote.seconds_high == pytest.approx(high)


def test_a_cap_of_tokens_a_minute_takes_its_time(
    workbench: Workbench, spec: EvaluationSpec
) -> None:
    quote = workbench.quote(changed(spec, limits={"tokens_per_minute": 100}))
    tokens = quote.input_tokens + quote.output_tokens_low
    assert quote.seconds_low == pytest.approx(tokens / 100 * 60, rel=0.01)


def test_a_judge_is_called_priced_and_counted(workbench: Workbench, spec: EvaluationSpec) -> None:
    judge = {"provider": "openai", "name": "judge", "price": PRICE,
             "base_url": spec.models[0].model.base_url}  # fmt: skip
    metric = {"name": "qa_accuracy_by_llm", "judge": judge}
    plain, judged = workbench.quote(spec), workbench.quote(changed(spec, metrics=[metric]))
    assert judged.calls == plain.calls + ROWS
    assert (judged.cost_usd_low or 0) > (plain.cost_usd_low or 0)


def test_the_stored_replies_of_judges_are_counted_and_cost_nothing(
    workbench: Workbench, spec: EvaluationSpec, mock_server: MockServer
) -> None:
    judge = {"provider": "openai", "name": "judge", "price": PRICE,
             "base_url": spec.models[0].model.base_url}  # fmt: skip
    metric = {"name": "qa_accuracy_by_llm", "judges": [judge, "offline:judge"]}
    spec = changed(spec, metrics=[metric])
    assert workbench.quote(spec).calls == 3 * ROWS
    only_run(workbench, spec)
    work(workbench)
    again = workbench.quote(spec)
    assert (again.calls, again.cached, again.cost_usd_high) == (0, ROWS, 0)
    assert f"{2 * ROWS} replies of judges are stored and are not asked for again." in again.notes
    received = mock_server.stats()["received"]
    only_run(workbench, spec)
    work(workbench)
    assert mock_server.stats()["received"] == received
    warmer = {**metric, "judge_parameters": {"temperature": 1.0}}
    assert workbench.quote(changed(spec, metrics=[warmer])).calls == 2 * ROWS


def test_an_unknown_price_is_told_and_not_taken_as_nothing(
    workbench: Workbench, spec: EvaluationSpec
) -> None:
    model = spec.models[0].model.model_copy(update={"price": None})
    quote: Quote = workbench.quote(changed(spec, models=[model.model_dump(exclude_none=True)]))
    assert quote.unpriced_models == ("openai:echo",)
    assert (quote.cost_usd_low, quote.cost_usd_high) == (None, None)


def test_nothing_is_called_or_stored(
    workbench: Workbench, spec: EvaluationSpec, mock_server: MockServer
) -> None:
    workbench.quote(spec)
    assert mock_server.stats().get("received", 0) == 0
    assert workbench.list_runs().total == 0
