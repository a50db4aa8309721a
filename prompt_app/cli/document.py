"""``docs/command-line.md``, made from the commands' own help."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import typer

INTRODUCTION = """\
# Command line

`prompt-app` works on the store that the [settings](settings.md) name, the same one that the
studio shows. `--json` prints JSON, of every command; progress and messages go to standard error.
A command that serves until it is stopped prints one line of JSON, with the id of its process and
the address.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | failed: the provider, the database, the disk |
| 2 | wrong input; the message says what, where and what to do |
| 3 | a threshold of the evaluation file was missed |
| 4 | a run did not finish: it is paused, cancelled or failed |
| 130 | interrupted; the same command goes on where it stood |

A terminal is shown a bar for each run: samples done of all, rate, time left, errors, cost so far.
Elsewhere the same is a line every five seconds, and one when a run has ended.

An evaluation file, with all that can stand in it:

```yaml
name: capitals
dataset:
  path: questions.jsonl       # or name: a dataset in the store, number: its version
  options: {reference_field: answers, id_field: id, cluster_field: topic}
  split: test
  sample: {size: 200, seed: 7}
  on_bad_rows: stop           # or skip; skipped rows are counted in the result
prompts:
  - short@production          # a stored prompt by label or number
  - name: long
    template:
      - {role: system, content: Answer in one word.}
      - {role: user, content: "{question}"}
models:
  - openai:gpt-5-mini
  - {provider: bedrock, name: us.amazon.nova-lite-v1:0, parameters: {temperature: 0}}
  - {provider: openai, name: llama3, base_url: "http://localhost:11434/v1"}
parameters: {max_tokens: 100}
metrics:
  - squad_f1
  - {name: qa_accuracy_by_llm, judge: "openai:gpt-5-mini"}
repeats: 1
cache: use                    # refresh, off
mode: live                    # batch: by the provider's batch jobs, see docs/scaling.md
limits:
  max_concurrency: 50
  requests_per_minute: 500
  tokens_per_minute: 200000
  timeout_seconds: 120
  max_attempts: 6
  max_cost_usd: 5             # over all runs of the evaluation; never overshot
thresholds:
  - {metric: squad_f1, at_least: 0.7, estimate: lower}
```

This page is made by `python -m prompt_app.cli.document > docs/command-line.md`.
"""


def command_line_page() -> str:
    """The page, in Markdown."""
    from prompt_app.cli.application import command_line

    group: Any = typer.main.get_command(command_line())
    return "\n".join(
        [INTRODUCTION, *(_section(*each) for each in commands_of("prompt-app", group))]
    )


def commands_of(path: str, group: Any) -> Iterator[tuple[str, Any]]:
    """Every command below ``group`` with its whole name, which begins with ``path``."""
    for name, command in group.commands.items():
        if getattr(command, "commands", None):
            yield from commands_of(f"{path} {name}", command)
        else:
            yield f"{path} {name}", command


def _section(path: str, command: Any) -> str:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option"]
    usage = " ".join([path, *(_argument(each) for each in arguments)])
    lines = [f"## `{usage}`", "", *(line.strip() for line in command.help.splitlines()), ""]
    rows = [(_argument(each), each.help or "") for each in arguments]
    rows += [(", ".join([*each.opts, *each.secondary_opts]), _described(each)) for each in options]
    if rows:
        lines += ["| | |", "|---|---|"]
        lines += [f"| `{name}` | {text} |" for name, text in rows]
    return "\n".join([*lines, ""])


def _argument(argument: Any) -> str:
    name = argument.name.upper()
    name = name if argument.required else f"[{name}]"
    return f"{name}..." if argument.nargs == -1 else name


def _described(option: Any) -> str:
    text = option.help or ""
    if option.default not in (None, False, "", ()) and not callable(option.default):
        text += f" Default: {str(option.default).lower()}."
    return text


if __name__ == "__main__":
    sys.stdout.write(command_line_page())
