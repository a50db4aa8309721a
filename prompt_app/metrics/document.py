"""``docs/metrics.md``, made from the table of metrics."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from prompt_app.datamodel.score import MetricInfo
from prompt_app.metrics import METRICS, metric_class
from prompt_app.metrics.options import option_names, options_schema, required_options

_INTRODUCTION = """\
# Metrics

An evaluation names the metrics that it wants; none is computed unasked. A name alone takes the
defaults. With options, and a `key` where one metric is used twice:

```yaml
metrics:
  - squad_f1
  - {name: numeric_match, options: {absolute_tolerance: 0.01}}
  - {name: rouge, key: rouge2, options: {type: rouge2, stem: true}}
  - {name: qa_accuracy_by_llm, judge: "openai:gpt-5-mini"}
```

A metric that compares with references takes the best of them, unless it says otherwise. A sample
that cannot be scored (no reference, a text that is too long, a pattern that takes too long, a
judge without a clear verdict) is a failure with its reason. It is counted, and never part of a
mean. A metric's version changes whenever the same reply could get another score.

The options of each metric are below the table.

## Judges

A metric that needs a judge asks a model for its verdict. Its prompt is a file of
`prompt_app/metrics/judge_prompts`, with a version. What it judges is shown to it as JSON fields
only, and its reply counts only if it is one verdict of the asked shape. Its calls share the
evaluation's rate limits and spend cap; their tokens and cost are counted apart.

```yaml
metrics:
  - {name: graded_correctness, judge: "openai:gpt-5-mini", judge_parameters: {temperature: 0}}
  - name: llm_rubric                 # a criterion in your own words
    key: cites
    judge: "openai:gpt-5-mini"
    options: {criterion: names the section of the manual that the answer comes from}
  - name: toxicity                   # three votes of one model
    judge: "openai:gpt-5-mini"
    judge_parameters: {num_responses: 3, temperature: 1}
  - name: faithfulness               # a panel
    judges: ["openai:gpt-5-mini", "bedrock:us.amazon.nova-pro-v1:0", "openai:gpt-5"]
    options: {contexts: retrieved}
```

Of votes and panels, pass/fail takes the value that more than half of all asked for gave; without
one the sample is a tie and stays unscored. Grades and shares are averaged, if more than half gave
one. How far a judge agrees with people: [Statistics](statistics.md#may-a-judge-be-trusted).

## Nearness in meaning

`semantic_similarity` asks an embedding model, named as `judge` too: one of `openai` or of any
server of its protocol, Amazon Titan's and Cohere's of `bedrock`, or `offline:hashing`, which knows
words only by their letters. Its calls are limited, paid for and stored like a judge's.

```yaml
metrics:
  - {name: semantic_similarity, judge: "openai:text-embedding-3-small"}
```

A cosine has no zero that means the same for every model: compare runs by one embedding model, and
read differences rather than levels.

## All metrics

This page is made by `python -m prompt_app.metrics.document > docs/metrics.md`.
"""


def metrics_page() -> str:
    """The page, in Markdown."""
    lines = [
        _INTRODUCTION,
        "| metric | what | better | range | needs | version |",
        "|---" * 6 + "|",
    ]
    lines += [_row(metric_class(name)) for name in METRICS]
    for name in METRICS:
        if option_names(metric_class(name)):
            lines += ["", f"## {name}", "", *_option_table(metric_class(name))]
    return "\n".join(lines) + "\n"


def _row(metric: type[Any]) -> str:
    info: MetricInfo = metric.info
    name = f"[{info.name}](#{info.name})" if option_names(metric) else info.name
    better = "-" if info.direction == "neutral" else info.direction
    needs = ["references"] if info.needs_reference else []
    if info.needs_judge:
        needs.append("a judge" if info.judge_kind == "chat" else "an embedding model")
    cells = (name, info.description, better, _range(info), " and ".join(needs) or "-", info.version)
    return f"| {' | '.join(cells)} |"


def _range(info: MetricInfo) -> str:
    if info.kind == "proportion":
        return "0 or 1"
    if info.maximum is None:
        return f"from {info.minimum:g} {info.unit}"
    return f"{info.minimum:g} to {info.maximum:g} {info.unit}".rstrip()


def _option_table(metric: type[Any]) -> list[str]:
    required = required_options(metric)
    lines = ["| option | takes | default | what |", "|---|---|---|---|"]
    for name, described in options_schema(metric).items():
        default = described.get("default")
        if name in required:
            shown = "required"
        else:
            shown = "-" if default is None else f"`{json.dumps(default)}`"
        lines.append(f"| `{name}` | {_takes(described)} | {shown} | {described['description']} |")
    return lines


def _takes(described: Mapping[str, Any]) -> str:
    if "enum" in described:
        return ", ".join(f"`{choice}`" for choice in described["enum"])
    kinds = described.get("anyOf", [described])
    names = [kind["type"] for kind in kinds if kind["type"] != "null"]
    bounds = [
        f"{word} {described[bound]:g}"
        for bound, word in (("minimum", "from"), ("maximum", "to"))
        if bound in described
    ]
    return " ".join([" or ".join(names), *bounds])


if __name__ == "__main__":
    sys.stdout.write(metrics_page())
