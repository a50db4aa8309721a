"""Metrics of the user's own: only from the folder, checked like the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from prompt_app.datamodel.score import Failure, MetricSpec
from prompt_app.engine.scoring import _outcome
from prompt_app.errors import EvaluationError, MetricError, UnknownNameError
from prompt_app.metrics import create_metric, list_metrics
from tests.metrics.samples import sample

EXAMPLES = Path(__file__).parents[2] / "examples" / "custom_metrics"
NAME = "custom:word_limit:WordLimit"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PROMPT_APP_CUSTOM_METRICS", str(tmp_path))
    source = (EXAMPLES / "word_limit.py").read_text("utf-8")
    (tmp_path / "word_limit.py").write_text(source)
    return tmp_path


def made(name: str, **options: object) -> object:
    return create_metric(MetricSpec.model_validate({"name": name, "options": options}))


@pytest.mark.usefixtures("folder")
def test_the_example_scores() -> None:
    metric = create_metric(MetricSpec.model_validate({"name": NAME, "options": {"words": 2}}))
    values = [metric.score(sample(text)).value for text in ("one two", "one two three")]
    assert values == [1.0, 0.0]
    with pytest.raises(MetricError, match="empty"):
        metric.score(sample(" "))
    with pytest.raises(EvaluationError, match="Did you mean 'words'"):
        made(NAME, word=2)
    with pytest.raises(EvaluationError, match="greater than or equal to 1"):
        made(NAME, words=0)


def test_it_is_listed_under_the_name_to_use(folder: Path) -> None:
    (folder / "broken.py").write_text("import no_such_module_anywhere")
    assert [info.name for info in list_metrics() if info.name.startswith("custom:")] == [NAME]


def test_without_a_folder_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMPT_APP_CUSTOM_METRICS", raising=False)
    with pytest.raises(EvaluationError, match="PROMPT_APP_CUSTOM_METRICS"):
        made(NAME)


@pytest.mark.parametrize(
    "name",
    ["custom:os:system", "custom:../outside:Metric", "custom:word_limit", "custom:/etc/x:Y",
     "custom:word_limit:WordLimit:x", "custom:", "custom:word_limit.py:WordLimit"],
)  # fmt: skip
def test_nothing_outside_the_folder_is_imported(folder: Path, name: str) -> None:
    marker = folder.parent / "imported"
    (folder.parent / "outside.py").write_text(f"open({str(marker)!r}, 'w')")
    with pytest.raises((EvaluationError, UnknownNameError)):
        made(name)
    assert not marker.exists()


def test_a_file_or_a_metric_that_exits_ends_nothing_else(folder: Path) -> None:
    (folder / "exits.py").write_text("raise SystemExit(3)")
    with pytest.raises(EvaluationError, match=r"exits\.py cannot be imported: SystemExit: 3"):
        made("custom:exits:Metric")
    assert [info.name for info in list_metrics() if info.name.startswith("custom:")] == [NAME]
    source = (folder / "word_limit.py").read_text("utf-8")
    leaving = "        raise SystemExit(4)\n"
    begin, scored, rest = source.partition("def score(")
    head, colon, body = rest.partition(":\n")
    (folder / "leaves.py").write_text(begin + scored + head + colon + leaving + body)
    metric = made("custom:leaves:WordLimit")
    outcome = _outcome("limit", metric, [sample("one two")])  # type: ignore[arg-type]
    assert isinstance(outcome, Failure)
    assert (outcome.kind, "SystemExit: 4" in outcome.message) == ("metric_defect", True)


def test_what_is_wrong_is_told(folder: Path) -> None:
    (folder / "broken.py").write_text("1 / 0")
    (folder / "other.py").write_text("class Thing: ...")
    with pytest.raises(EvaluationError, match=r"broken\.py cannot be imported: ZeroDivision"):
        made("custom:broken:Metric")
    with pytest.raises(EvaluationError, match="needs 'info'"):
        made("custom:other:Thing")
    with pytest.raises(EvaluationError, match="needs 'info'"):
        made("custom:word_limit:MetricInfo")
    with pytest.raises(UnknownNameError, match="Did you mean 'WordLimit'"):
        made("custom:word_limit:WordLimits")
    with pytest.raises(UnknownNameError, match="Did you mean 'word_limit'"):
        made("custom:word_limits:WordLimit")
