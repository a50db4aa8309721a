"""``prompt-app rescore``."""

from __future__ import annotations

from typing import Annotated

import typer

from prompt_app.cli.common import AsJson, RunId, print_json
from prompt_app.cli.opening import opened_workbench
from prompt_app.cli.run import print_results


def rescore(
    run_id: RunId,
    metrics: Annotated[
        list[str], typer.Argument(help="Metrics: names, or YAML such as '{name: rouge}'.")
    ],
    as_json: AsJson = False,
) -> None:
    """Score a run's stored replies with other metrics. The model is not called again."""
    import yaml
    from pydantic import ValidationError

    from prompt_app.cli.following import end_unfinished, follow_evaluation
    from prompt_app.datamodel.score import MetricSpec
    from prompt_app.errors import EvaluationError
    from prompt_app.workbench.files import describe_problems

    try:
        specs = [MetricSpec.model_validate(yaml.safe_load(metric)) for metric in metrics]
    except yaml.YAMLError:
        raise EvaluationError("A metric is a name, or a YAML mapping with a name.") from None
    except ValidationError as error:
        raise EvaluationError(f"metric: {describe_problems(error)}") from None
    with opened_workbench() as workbench:
        run = workbench.rescore(run_id, specs)
        follow_evaluation(workbench, run.evaluation_id, show=not as_json)
        run = workbench.run(run.id)
    if as_json:
        print_json(run)
    else:
        print_results([run])
    end_unfinished([run])
