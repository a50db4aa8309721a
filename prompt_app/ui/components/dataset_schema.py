"""A dataset's fields: what stands in them, how often, how long."""

from __future__ import annotations

import json
from functools import partial

import pandas as pd
import streamlit as st

from prompt_app.datamodel.dataset import DatasetVersion
from prompt_app.ui.components.long_work import worked_out
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.wording import shortened
from prompt_app.ui.state import workbench
from prompt_app.workbench.profiling import MOST_DISTINCT, FieldProfile


def schema_section(version: DatasetVersion) -> None:
    profiles = worked_out(
        "schema", "Reading", (version.id,), partial(workbench().curation.profile, version)
    )
    if profiles is None:
        return
    frame = pd.DataFrame([_row(version, profile) for profile in profiles])
    data_table(
        frame,
        f"{version.name}-{version.number}-schema",
        column_config={
            "Field": st.column_config.TextColumn(pinned=True),
            "Filled": st.column_config.ProgressColumn(
                format="percent", min_value=0, max_value=1, width=110
            ),
            "Mean length": st.column_config.NumberColumn(format="%.1f"),
        },
        alt="Fields of the dataset",
    )
    st.caption("Lengths are characters of texts and items of lists.")


def _row(version: DatasetVersion, profile: FieldProfile) -> dict[str, object]:
    kinds = sorted(profile.kinds.items(), key=lambda kind: -kind[1])
    more = profile.distinct >= MOST_DISTINCT
    sample = profile.sample
    return {
        "Field": profile.path,
        "Use": _use(version, profile.path),
        "Types": ", ".join(
            kind if len(kinds) == 1 else f"{kind} {count:,}" for kind, count in kinds
        ),
        "Filled": profile.fill_rate,
        "Different": f"{profile.distinct:,}{' or more' if more else ''}",
        "Shortest": profile.shortest,
        "Mean length": profile.mean_length,
        "Longest": profile.longest,
        "First value": shortened(
            sample if isinstance(sample, str) else json.dumps(sample, ensure_ascii=False), 120
        ),
    }


def _use(version: DatasetVersion, path: str) -> str:
    options = version.options
    uses = {
        options.reference_field: "reference",
        options.id_field: "id",
        options.cluster_field: "cluster",
        options.split_field: "split",
    }
    return uses.get(path, "")
