"""Options of ``prompt-app rubric``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Option = typer.Option

Base = Annotated[
    str, Option(help="Folder, or s3://bucket/prefix, with datasets/, experiments/, releases/.")
]
Lessons = Annotated[
    str | None, Option(help="Lessons, joined by commas; all of the experiment's when absent.")
]
DatasetName = Annotated[str, Option(help="Folder in datasets/.")]
ExperimentName = Annotated[str, Option(help="Folder in experiments/.")]
OfRelease = Annotated[bool, Option("--release", help="The experiment is a folder in releases/.")]
UseCached = Annotated[
    bool, Option("--use-cached", "-c", help="Call only for what failed or changed.")
]
Model = Annotated[str | None, Option("--llm-model", "-l", help="Another model, provider:name.")]
Responses = Annotated[
    int | None, Option("--num-responses", "-n", min=1, max=100, help="Replies that vote.")
]
MaxStudents = Annotated[
    int | None, Option("--max-num-students", "-s", min=1, help="Only the first so many.")
]
Students = Annotated[str | None, Option(help="Only these students, joined by commas.")]
Temperature = Annotated[float | None, Option("--temperature", "-t", min=0, max=2, help="0 is 0.")]
RemoveComments = Annotated[
    bool, Option("--remove-comments", "-r", help="Show works without their comments.")
]
AccuracyFile = Annotated[
    Path | None,
    Option("--accuracy", "-a", help="JSON file of exact-match accuracies to reach, else exit 3."),
]
WriteConfidence = Annotated[
    bool, Option("--generate-confidence", "-g", help="Write confidence files beside params.json.")
]
PointEstimate = Annotated[
    bool,
    Option(
        "--point-estimate",
        help="Confidence from the accuracy as measured, not the lower end of its interval.",
    ),
]
Workers = Annotated[int, Option("--workers", "-w", min=1, max=1000, help="Calls at a time.")]
RequestsPerMinute = Annotated[
    float | None, Option("--requests-per-minute", min=1, help="Calls started a minute, at most.")
]
TokensPerMinute = Annotated[
    float | None, Option("--tokens-per-minute", min=1, help="Tokens a minute, at most.")
]
MaxCost = Annotated[
    float | None,
    Option("--max-cost", min=1e-6, help="US dollars that the test may cost; never overshot."),
]
MaxTokens = Annotated[
    int | None, Option("--max-tokens", min=1, help="Longest reply; --max-cost needs it.")
]
Passing = Annotated[
    int | None,
    Option("--passing-labels", min=1, help="So many labels, from the best, pass; 2 when absent."),
]
NewLabels = Annotated[
    bool, Option("--new-labels", help="Write the labels to a file for a person to correct.")
]
Estimate = Annotated[bool, Option("--estimate", help="Tell time and cost, and stop.")]
Output = Annotated[Path, Option("--output", "-o", help="Folder of the reports and results.")]
