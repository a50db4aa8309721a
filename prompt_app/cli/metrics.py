"""``prompt-app metrics``."""

from __future__ import annotations

from dataclasses import asdict

from prompt_app.cli.common import AsJson, print_json, print_table


def metrics(as_json: AsJson = False) -> None:
    """List the metrics."""
    from prompt_app.metrics import list_metrics

    infos = list_metrics()
    if as_json:
        print_json([asdict(info) for info in infos])
        return
    rows = [[info.name, info.version, info.direction, info.description] for info in infos]
    print_table(["metric", "version", "better is", "what it measures"], rows, "No metrics.")
