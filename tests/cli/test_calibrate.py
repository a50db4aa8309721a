"""``prompt-app calibrate``."""

from __future__ import annotations

import json

from cli.commands import CommandLine


def test_agreement_and_the_corrected_mean(command_line: CommandLine) -> None:
    rows = [
        {"id": n, "question": "Where?", "answer": "Paris" if n % 2 else "Rome",
         "answers": ["Paris"], "human": n % 2 if n < 40 else None}
        for n in range(80)
    ]  # fmt: skip
    (command_line.folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    file = command_line.evaluation(
        {"path": "rows.jsonl", "options": {"id_field": "id"}},
        prompts=[{"name": "given", "template": "{answer}"}],
        metrics=[{"name": "qa_accuracy_by_llm", "key": "judged", "judge": "offline:judge"}],
    )
    run = command_line.run("run", "--json", file).json()["runs"][0]["id"]
    shown = command_line.run("calibrate", run, "--metric", "judged", "--labels", "human")
    assert shown.code == 0
    assert "40 rows labelled by people and judged, 40 judged alone" in shown.out
    assert "people would have given 0.5" in shown.out
    assert "people: pass" in shown.out
    told = command_line.run(
        "calibrate", run, "--metric", "judged", "--labels", "human", "--json"
    ).json()
    assert told["agreement"]["confusion"] == [[20, 0], [0, 20]]
    assert told["corrected"]["interval"]["method"] == "Lang-Reiczigel"
    wrong = command_line.run("calibrate", run, "--metric", "judged", "--labels", "nobody")
    assert wrong.code == 2
    regraded = command_line.run("regrade", run, "--metric", "judged", "--rows", "10")
    assert "10 of 10 scores are as before" in regraded.out
    assert "No detectable difference" in regraded.out
    data = command_line.run("regrade", run, "--metric", "judged", "--json").json()
    assert data["unchanged"] == 20
