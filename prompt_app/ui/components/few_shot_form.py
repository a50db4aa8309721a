"""Worked examples of a draft: which dataset's rows, chosen by a seed or by hand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from prompt_app.datamodel.dataset import DatasetVersion, Example
from prompt_app.datamodel.prompt import FewShot
from prompt_app.ui.components.prompt_draft import Draft
from prompt_app.ui.components.tables import data_table
from prompt_app.ui.components.wording import shortened, written
from prompt_app.ui.state import workbench

BY_SEED, BY_HAND = "By a seed", "By hand"
ROWS_A_PAGE = 8
MOST_SHOTS = 100


def few_shot_form(draft: Draft) -> None:
    """Changes ``draft.few_shot``."""
    key = f"shots.{draft.token}"
    given = draft.few_shot
    with st.expander("Few-shot examples", icon=":material/school:", expanded=given is not None):
        names = [version.name for version in workbench().list_datasets()]
        if not names and given is None:
            st.caption("They come from a stored dataset. There is none yet.")
            return
        if not st.toggle("Put worked examples before the question", given is not None, key=key):
            draft.few_shot = None
            return
        draft.few_shot = _settings(key, given or FewShot(dataset=names[0]), names)


def _settings(key: str, given: FewShot, names: list[str]) -> FewShot | None:
    """None while rows are to be picked by hand and none is."""
    options = list(dict.fromkeys([given.dataset, *names]))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        source = st.selectbox(
            "From", options, options.index(given.dataset), key=f"{key}.dataset", width=200
        )
        name, _, number = source.partition("@")
        dataset = workbench().dataset(name, int(number) if number else None)
        way = st.segmented_control(
            "Chosen",
            [BY_SEED, BY_HAND],
            default=BY_HAND if given.example_ids else BY_SEED,
            required=True,
            key=f"{key}.way",
        )
    answer = st.text_input(
        "Answer",
        given.answer or "",
        key=f"{key}.answer",
        placeholder="The first reference answer",
        help="A template over the example's fields, e.g. {answers.0}.",
    )
    base = FewShot(dataset=source, answer=answer.strip() or None)
    if way == BY_HAND:
        ids = _by_hand(key, given, dataset)
        return base.model_copy(update={"example_ids": tuple(ids)}) if ids else None
    return base.model_copy(update=_by_seed(key, given, dataset))


def _by_seed(key: str, given: FewShot, dataset: DatasetVersion) -> dict[str, object]:
    splits = ["all", *dataset.split_rows]
    with st.container(horizontal=True):
        count = st.number_input("How many", 1, MOST_SHOTS, given.count, key=f"{key}.count")
        seed = st.number_input("Seed", value=given.seed, step=1, key=f"{key}.seed")
        chosen = given.split if given.split in splits else "all"
        split = st.selectbox("Split", splits, splits.index(chosen), key=f"{key}.split")
    return {
        "count": int(count),
        "seed": int(seed),
        "split": None if split == "all" else split,
    }


def _by_hand(key: str, given: FewShot, dataset: DatasetVersion) -> list[str]:
    """Rows in the order in which they were picked."""
    picked_key = f"{key}.picked"
    st.session_state.setdefault(picked_key, list(given.example_ids))
    picked: list[str] = st.multiselect(
        "Picked rows",
        st.session_state[picked_key],
        key=picked_key,
        placeholder="Add rows from the table",
    )
    pager = f"{key}.page"
    first = (int(st.session_state.get(pager, 1)) - 1) * ROWS_A_PAGE
    examples = workbench().examples(dataset, after_position=first - 1, limit=ROWS_A_PAGE)
    cells = [
        {
            "Pick": "Picked" if example.id in picked else "Pick",
            "Row": example.position + 1,
            **{name: shortened(written(value)) for name, value in example.fields.items()},
        }
        for example in examples
    ]
    data_table(
        pd.DataFrame(cells),
        f"{dataset.name}-rows",
        key=f"{key}.rows",
        buttons=["Pick"],
        column_config={
            "Pick": st.column_config.ButtonColumn(
                "",
                key=f"{key}.pick",
                type="tertiary",
                width=70,
                pinned=True,
                on_click=partial(_pick, picked_key, f"{key}.pick", [e.id for e in examples]),
            ),
            "Row": st.column_config.NumberColumn(width=60),
        },
        alt="Rows to pick examples from",
    )
    _picked_list(key, picked_key, picked, examples)
    if not picked:
        st.caption("No row is picked yet: the prompt is without examples.")
    pages = -(-dataset.rows // ROWS_A_PAGE)
    if pages > 1:
        st.pagination(pages, key=pager, width=300)
    return picked


def _picked_list(
    key: str, picked_key: str, picked: Sequence[str], examples: Sequence[Example]
) -> None:
    """The same choice for the keyboard, which does not reach the table's buttons."""
    rows = {each.id: f"Row {each.position + 1}" for each in examples}
    list_key = f"{key}.picked.{'.'.join(picked)}"
    st.multiselect(
        "Picked rows of this page",
        list(rows),
        default=[example_id for example_id in rows if example_id in picked],
        format_func=rows.__getitem__,
        key=list_key,
        on_change=_pick_listed,
        args=(picked_key, list_key, list(rows)),
        placeholder="None",
    )


def _pick_listed(picked_key: str, list_key: str, ids: list[str]) -> None:
    """Those of other pages stay."""
    chosen: list[str] = st.session_state[list_key]
    kept = [each for each in st.session_state[picked_key] if each not in ids or each in chosen]
    fresh = [each for each in chosen if each not in kept]
    st.session_state[picked_key] = [*kept, *fresh][:MOST_SHOTS]


def _pick(picked_key: str, button_key: str, ids: list[str]) -> None:
    """Before the widgets of the next run are made: adds the row, or takes it off again."""
    click = st.session_state[button_key]
    example_id = ids[click.row]
    picked = list(st.session_state[picked_key])
    if example_id in picked:
        picked.remove(example_id)
    else:
        picked.append(example_id)
    st.session_state[picked_key] = picked[:MOST_SHOTS]
