"""Where a prompt's versions were used, and how they scored."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from prompt_app.datamodel.evaluation import ACTIVE_STATES, Run
from prompt_app.datamodel.prompt import PromptVersion
from prompt_app.ui.components.compare_choice import run_labels
from prompt_app.ui.components.pager import paged, pager
from prompt_app.ui.components.run_list import score_text
from prompt_app.ui.components.tables import data_table, opened_row
from prompt_app.ui.components.wording import ago
from prompt_app.ui.state import EVALUATE, open_run, workbench

RUNS_A_PAGE = 20
MOST_VERSIONS = 1000
ALL = "All versions"


def prompt_scores(name: str) -> None:
    library = workbench().prompt_library
    versions = library.versions(name, limit=MOST_VERSIONS).items
    numbers = {f"Version {each.number}": each.number for each in versions}
    chosen = st.selectbox("Runs of", [ALL, *numbers], key="runs_of", bind="query-params", width=240)
    page = paged(
        lambda offset: library.uses(name, numbers.get(chosen), offset=offset, limit=RUNS_A_PAGE),
        RUNS_A_PAGE,
        f"uses of {name}",
        of=chosen,
    )
    if page.total == 0:
        st.info("No run has used it yet.", icon=":material/info:")
        if st.button("New evaluation", type="primary", icon=":material/add:"):
            st.switch_page(EVALUATE)
        return
    _table(page.items, {each.id: each for each in versions})
    pager(page, RUNS_A_PAGE, "run")
    st.caption(
        "Each score is a mean with its 95% interval and n, the examples behind it. Scores are "
        "comparable where dataset, model and parameters are the same; Compare says whether a "
        "difference is real."
    )


def _table(runs: tuple[Run, ...], versions: dict[str, PromptVersion]) -> None:
    rows = [_row(run, versions) for run in runs]
    data_table(
        pd.DataFrame(rows),
        "runs-of-the-prompt",
        key="uses.table",
        most=RUNS_A_PAGE,
        buttons=["Open"],
        column_config={
            "Open": st.column_config.ButtonColumn(
                "", key="uses.open", type="tertiary", pinned=True, width=60
            ),
            "Version": st.column_config.TextColumn(width=80, pinned=True),
            "Dataset": st.column_config.TextColumn(width="medium"),
        },
        alt="Runs of this prompt and their scores",
    )
    row = opened_row("uses.open", "Open a run", list(run_labels(runs).values()))
    if row is not None:
        open_run(runs[row].id)


def _row(run: Run, versions: dict[str, PromptVersion]) -> dict[str, Any]:
    version = versions.get(run.spec.prompt.version_id)
    given = run.spec.parameters.given()
    row: dict[str, Any] = {
        "Open": "Open",
        "Version": str(version.number) if version else "?",
        "Dataset": run.spec.dataset_name + (f" {run.spec.split}" if run.spec.split else ""),
        "Model": run.spec.model.reference,
        "Parameters": ", ".join(f"{name}={value}" for name, value in given.items()),
    }
    summary = () if run.state in ACTIVE_STATES else run.summary
    for each in summary:
        row[each.metric] = f"{score_text(each).removeprefix(each.metric).strip()} n={each.examples}"
    row["State"] = run.state
    row["When"] = ago(run.created_at)
    return row
