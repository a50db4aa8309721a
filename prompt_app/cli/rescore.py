"""``prompt-app rescore``."""

from __future__ import annotations

from typing import Annotated

import typer

from prompt_app.cli.common import AsJson, RunId, print_json
from prompt_app.cli.opening import opened_workbench
from prompt_app.cli.run import end_missed, print_missed, print_results


def rescore(
    run_id: RunId,
    metrics: Annotated[
        list[str], typer.Argument(help="Metrics: names, or YAML such as '{name: rouge}'.")
    ],
    only: Annotated[
        bool,
        typer.Option(
            "--only",
            help="Replace all metrics by these: the others' scores and thresholds are dropped.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add metrics to a finished run, scoring its stored replies. The model is not called again.

    A metric that the run has already is scored again, with the options given here; a judge's
    stored replies are used where it is asked the same. The other metrics keep their scores; with
    --only they are dropped, and a metric that is unchanged keeps its scores. Exits with 3 when a
    threshold of the evaluation is missed, with 4 when the run did not finish.
    """
    import yaml
    from pydantic import ValidationError

    from prompt_app.cli.following import end_unfinished, follow_evaluation
    from prompt_app.datamodel.score import MetricSpec
    from prompt_app.datamodel.yaml_reading import read_yaml
    from prompt_app.errors import EvaluationError
    from prompt_app.workbench.files import describe_problems
    from prompt_app.workbench.thresholds import missed_thresholds

    try:
        specs = [MetricSpec.model_validate(read_yaml(metric)) for metric in metrics]
    except yaml.YAMLError:
        raise EvaluationError("A metric is a name, or a YAML mapping with a name.") from None
    except ValidationError as error:
        raise EvaluationError(f"metric: {describe_problems(error)}") from None
    with opened_workbench() as workbench:
        run = workbench.rescore(run_id, specs, only=only)
        follow_evaluation(workbench, run.evaluation_id, show=not as_json)
        run = workbench.run(run.id)
        missed = missed_thresholds(workbench.evaluation(run.evaluation_id).spec.thresholds, [run])
    if as_json:
        print_json(run)
    else:
        print_results([run])
    print_missed(missed)
    end_unfinished([run])
    end_missed(missed)
