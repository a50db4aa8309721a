"""The examples behind a comparison: both replies side by side, the changed words marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import streamlit as st

from prompt_app.datamodel.evaluation import Run
from prompt_app.datamodel.rendering import template_placeholders
from prompt_app.interfaces.pairing import PairFilter, SamplePair
from prompt_app.interfaces.rows import StoredSample
from prompt_app.ui.components.compare_choice import run_labels
from prompt_app.ui.components.errors import errors_shown
from prompt_app.ui.components.pager import paged, pager
from prompt_app.ui.components.row_drawer import row_address
from prompt_app.ui.components.row_table import field_text, reference_text
from prompt_app.ui.components.scores import metric_infos
from prompt_app.ui.components.search_field import search_field
from prompt_app.ui.components.word_marks import words_beside
from prompt_app.ui.components.wording import number, plain, shortened
from prompt_app.ui.state import RUN, workbench

PAIRS_A_PAGE = 5
OPEN = ("Open in baseline", "Open in the other")
CHANGES = ("Improved", "Worsened", "Changed", "Same")
Change = Literal["up", "down", "any", "none"]


def pair_section(runs: Sequence[Run], metric: str) -> None:
    st.subheader("Example by example")
    with errors_shown():
        _pairs(runs, metric)


@st.fragment
def _pairs(runs: Sequence[Run], metric: str) -> None:
    baseline, *candidates = runs
    labels = run_labels(runs)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        candidate = candidates[0]
        if len(candidates) > 1:
            chosen = st.selectbox(
                "Run beside the baseline", [run.id for run in candidates],
                format_func=lambda run_id: labels[run_id], key="beside", bind="query-params",
                width=300,
            )  # fmt: skip
            candidate = next(run for run in candidates if run.id == chosen)
        change = st.segmented_control(
            "Examples", CHANGES, default=CHANGES[2], required=True, key="change",
            bind="query-params",
        )  # fmt: skip
        text = search_field("Part of a field", label="Search examples", width=220)
    wanted = pair_filter(baseline, metric, change, text)
    page = paged(
        lambda offset: workbench().contrasts.pairs(
            baseline.id, candidate.id, wanted, offset=offset, limit=PAIRS_A_PAGE
        ),
        PAIRS_A_PAGE,
        "pairs",
        of=(baseline.id, candidate.id, wanted),
    )
    if page.total == 0:
        st.info("No example fits.", icon=":material/info:")
        return
    for pair in page.items:
        _pair(pair, (baseline, candidate), (labels[baseline.id], labels[candidate.id]), metric)
    pager(page, PAIRS_A_PAGE, "example", order="widest change first")


def pair_filter(run: Run, metric: str, choice: str, text: str) -> PairFilter:
    """What ``choice`` (of CHANGES) means for ``metric``: of pass/fail, what passes in one only."""
    info = metric_infos(run).get(metric)
    up, down = ("up", "down")
    if info is not None and info.direction == "lower":
        up, down = down, up
    meant = {"Improved": up, "Worsened": down, "Changed": "any", "Same": "none"}
    flips = info is not None and info.kind == "proportion" and choice in CHANGES[:2]
    return PairFilter(
        metric=metric,
        change=meant[choice],  # type: ignore[arg-type]
        crossing=flips,
        text=text,
    )


def _pair(pair: SamplePair, runs: tuple[Run, Run], labels: tuple[str, str], metric: str) -> None:
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(f"{metric} {number(round(pair.before, 6))} → {number(round(pair.after, 6))}")
            sides = zip(runs, (pair.first, pair.second), OPEN, strict=True)
            for run, sample, name in sides:
                st.page_link(
                    RUN, label=plain(name), icon=":material/open_in_new:",
                    query_params={"id": run.id, "row": row_address(sample)},
                )  # fmt: skip
        for name in template_placeholders(runs[0].spec.prompt.template):
            st.caption(plain(f"{name}: {shortened(field_text(pair.first, name))}"))
        reference = reference_text(runs[0], pair.first)
        if reference:
            st.caption(plain(f"{runs[0].spec.reference_field}: {reference}"))
        words_beside(_reply(pair.first), _reply(pair.second), labels)


def _reply(sample: StoredSample) -> str | None:
    return sample.reply.text if sample.reply else None
