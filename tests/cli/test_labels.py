"""``prompt-app labels``, and how labels reach ``calibrate``."""

from __future__ import annotations

import json

from cli.commands import CommandLine


def test_labels_reach_the_calibration(command_line: CommandLine) -> None:
    rows = [
        {"id": f"r{n}", "question": "Where?", "answer": "Paris" if n % 2 else "Rome",
         "answers": ["Paris"]}
        for n in range(30)
    ]  # fmt: skip
    (command_line.folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    file = command_line.evaluation(
        {"path": "rows.jsonl", "options": {"id_field": "id"}},
        prompts=[{"name": "given", "template": "{answer}"}],
        metrics=[{"name": "qa_accuracy_by_llm", "key": "judged", "judge": "offline:judge"}],
    )
    run = command_line.run("run", "--json", file).json()["runs"][0]["id"]
    assert "No label queues yet" in command_line.run("labels", "list").out
    made = command_line.run("labels", "create", "check", run, "--metric", "judged")
    assert "label?queue=check" in made.out
    given = command_line.folder / "given.csv"
    lines = [f"r{n},{'pass' if n % 2 else 'fail'},ann" for n in range(20)]
    given.write_text("example_id,label,labeller\n" + "\n".join(lines))
    assert (
        "20 answers read into check"
        in command_line.run("labels", "import", "check", str(given)).out
    )
    told = command_line.run("calibrate", run, "--metric", "judged", "--queue", "check", "--json")
    assert told.json()["labelled"] == 20
    assert told.json()["agreement"]["confusion"] == [[10, 0], [0, 10]]
    listed = command_line.run("labels", "list", "--json").json()
    assert [queue["name"] for queue in listed] == ["check"]
    out = command_line.folder / "out.jsonl"
    assert "20 answers written" in command_line.run("labels", "export", "check", str(out)).out
    assert json.loads(out.read_text().splitlines()[0])["labeller"] == "ann"
    again = command_line.run("labels", "export", "check", str(out))
    assert again.code == 2
    assert "--force" in again.err
    both = command_line.run("calibrate", run, "--metric", "judged")
    assert both.code == 2
    assert "either --labels FIELD or --queue NAME" in both.err
