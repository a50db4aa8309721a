"""Datasets that this project did not write, where they are at hand."""

from __future__ import annotations

import pytest
from real_data import real_file

from prompt_app.datamodel.dataset import DatasetOptions, field_value, reference_values
from prompt_app.datasets import check_dataset, read_examples
from prompt_app.settings import Settings

FILES = {
    "squad-qa-20.jsonl": (20, "answers", "answers", "question"),
    "squad-qa.csv": (20, "Reference Answer(s)", "Reference Answer(s)", "Question"),
    "squad-qa.xlsx": (20, "Reference Answer(s)", "Reference Answer(s)", "Source Doc ID"),
    "gsm8k-test.jsonl": (1319, "answer", "answer", "question"),
    "bedrock-eval-job-20.jsonl": (20, "referenceResponse.text", "referenceResponse", "prompt.text"),
}


@pytest.mark.parametrize("name", FILES)
def test_it_loads_whole(name: str) -> None:
    path = real_file(name)
    rows, reference, column, placeholder = FILES[name]
    options = DatasetOptions(reference_field=reference)
    check = check_dataset(path, options, Settings())
    assert (check.rows, check.problem_count) == (rows, 0)
    assert column in check.columns
    assert placeholder in check.paths
    examples = list(read_examples(path, options, Settings()))
    assert len({example.id for example in examples}) == rows
    for example in examples:
        references = reference_values(field_value(example.fields, reference))
        assert references
        assert "<OR>" not in " ".join(references)


def test_csv_and_xlsx_of_the_same_rows_give_the_same_examples() -> None:
    paths = [real_file("squad-qa.csv"), real_file("squad-qa.xlsx")]
    options = DatasetOptions(reference_field="Reference Answer(s)")
    csv, xlsx = (list(read_examples(path, options, Settings())) for path in paths)
    assert csv == xlsx
