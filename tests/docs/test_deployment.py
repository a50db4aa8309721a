"""The deployment's documentation is what the code does."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from cdk_src.configuration import configuration_table
from tests.docs.architecture_picture import BOXES, HEIGHT, PICTURE, WIDTH, picture
from tests.docs.deployment_page import PAGE, ROOT, variables_table, with_table

TEXT = (ROOT / PAGE).read_text("utf-8")


def test_the_table_of_variables_is_the_codes() -> None:
    assert with_table(TEXT) == TEXT, "run: .venv/bin/python -m tests.docs.deployment_page"
    assert variables_table() in TEXT


def test_every_variable_has_a_meaning() -> None:
    rows = configuration_table()
    assert len({row.name for row in rows}) == len(rows)
    assert all(row.description.endswith(".") and row.accepts for row in rows)


def test_every_variable_that_the_text_names_exists() -> None:
    known = {row.name for row in configuration_table()}
    assigned = set(re.findall(r"\b([A-Z][A-Z0-9_]+)=", TEXT))
    assert assigned
    others = {"AWS_REGION", "PROMPT_APP_TEST_DOCKER"}
    assert assigned <= known | others


def test_the_picture_is_drawn_from_its_description() -> None:
    drawn = (ROOT / PICTURE).read_text("utf-8")
    assert drawn == picture(), "run: .venv/bin/python -m tests.docs.architecture_picture"
    texts = {element.text for element in ElementTree.fromstring(drawn).iter() if element.text}
    assert {box.title for box in BOXES.values()} <= texts
    assert all(0 < box.x < WIDTH and 0 < box.y < HEIGHT for box in BOXES.values())


def test_the_costs_add_up() -> None:
    rows = re.findall(r"^\| ([^|]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", TEXT, re.MULTILINE)
    *parts, total = rows
    assert len(parts) > 5
    assert total[0].startswith("**Together")
    for column in (1, 2, 3):
        assert sum(float(row[column]) for row in parts) == float(total[column]), column
