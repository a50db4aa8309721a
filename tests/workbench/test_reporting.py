"""Reports: everything inside one file, and nothing of it runs."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from engine.runs import echo_spec, rows_file, work

from prompt_app.datamodel.evaluation import EvaluationSpec
from prompt_app.providers.mock_server import MockServer
from prompt_app.workbench import Workbench
from prompt_app.workbench import html as pieces

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> & $title \u2028 'q' \"d\""
VOID = ("meta", "rect", "line", "circle")


class Document(HTMLParser):
    """Fails on a tag that is not closed, and notes tags, addresses and handlers."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture
def runs(workbench: Workbench, tmp_path: Path) -> list[str]:
    path = tmp_path / "rows.jsonl"
    rows = [
        {
            "bad": f"no {HOSTILE}",
            "good": f"{HOSTILE} {n}",
            "answers": [f"{HOSTILE} {n}"],
            HOSTILE: n,
        }
        for n in range(12)
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    spec = EvaluationSpec.model_validate(
        {
            "dataset": {"path": str(path)},
            "prompts": [{"name": name, "template": f"{{{name}}}"} for name in ("bad", "good")],
            "models": ["offline:echo"],
            "metrics": ["exact_match", "squad_f1", {"name": "length_words", "key": HOSTILE}],
        }
    )
    evaluation = workbench.submit_evaluation(spec)
    work(workbench)
    return list(evaluation.run_ids)


def check_inert(report: str) -> None:
    document = Document(report)
    assert not document.tags & {"script", "img", "link", "iframe", "object", "a", "form"}
    assert not {name for name in document.attributes if name.startswith("on")}
    assert not document.attributes & {"src", "href"}
    assert "default-src &#x27;none" in report or "default-src 'none'" in report
    assert not re.search(r"url\(|@import", report)


def test_a_run_is_told_in_one_file(workbench: Workbench, runs: list[str]) -> None:
    report = workbench.reports.run(runs[0])
    check_inert(report)
    assert "<title>bad · offline:echo</title>" in report
    assert "0 to 0.2425" in report  # Wilson's interval of none of 12
    assert "Lowest exact_match" in report
    assert report.count("<details>") == 12
    assert "offline:echo" in report
    assert "<svg" in report


def test_a_comparison_is_told_in_one_file(workbench: Workbench, runs: list[str]) -> None:
    report = workbench.reports.comparison(runs, margin=0.05)
    check_inert(report)
    assert "Better: exact_match differs by +100.0 points" in report
    assert "Leaderboard by squad_f1" in report
    assert "12 examples changed by exact_match" in report
    assert '<span class="minus">no ' in report
    assert '<span class="plus">' in report


def test_a_comparison_tells_the_groups_of_examples(workbench: Workbench) -> None:
    workbench.load_examples()
    evaluation = workbench.submit_evaluation(workbench.example_evaluation())
    work(workbench)
    report = workbench.reports.comparison(evaluation.run_ids)
    check_inert(report)
    assert "squad_f1 by topic" in report
    groups = workbench.contrasts.breakdown(evaluation.run_ids, "squad_f1", "topic").groups
    assert all(f"<td>{group.name}</td>" in report for group in groups)


def test_a_failed_sample_stands_in_the_report(
    workbench: Workbench, tmp_path: Path, mock_server: MockServer
) -> None:
    mock_server.control(p_500=1.0)
    spec = echo_spec(rows_file(tmp_path, 3), mock_server.url, limits={"max_attempts": 1})
    (run_id,) = workbench.submit_evaluation(spec).run_ids
    work(workbench)
    report = workbench.reports.run(run_id)
    check_inert(report)
    assert "Failed samples" in report
    assert "failed: server" in report


def test_long_texts_are_cut_and_charts_of_nothing_are_left_out() -> None:
    assert "... 5 more characters" in pieces.verbatim("a" * (pieces.MOST_CHARACTERS + 5))
    assert pieces.bars("none", []) == pieces.points("none", ("x", "y"), []) == ""
    assert pieces.points("one", ("x", "y"), [("run", 0.0, 0.5, None)]).count("<circle") == 1
