"""The deployment's documentation is what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from deployment import FULL, Deployment, synthesize_once

from cdk_src.configuration import Configuration, configuration_table, read_configuration
from cdk_src.costs import PRICES, USES, components, costs_table, main
from tests.docs.architecture_picture import BOXES, HEIGHT, PICTURE, WIDTH, picture
from tests.docs.deployment_page import PAGE, ROOT, costs, variables_table, with_tables

TEXT = (ROOT / PAGE).read_text("utf-8")


def test_the_tables_are_the_codes() -> None:
    assert with_tables(TEXT) == TEXT, "run: .venv/bin/python -m tests.docs.deployment_page"
    assert variables_table() in TEXT
    assert costs() in TEXT


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
    table = costs_table(Configuration())
    rows = re.findall(r"^\| ([^|]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", table, re.MULTILINE)
    *parts, total = rows
    assert len(parts) > 5
    assert total[0].startswith("**Together")
    for column in (1, 2, 3):
        assert round(sum(float(row[column]) for row in parts), 1) == float(total[column]), column


def dollars(**variables: str) -> dict[str, tuple[float, ...]]:
    """What each component costs, by the first words of its name."""
    found = components(read_configuration(variables))
    return {each.name.partition(",")[0]: each.dollars for each in found}


def test_the_costs_follow_what_is_configured() -> None:
    default = dollars()
    assert [use.name for use in USES] == ["paused", "idle", "in use"]
    hour = PRICES["amd64, vCPU and hour"] + 2 * PRICES["amd64, GB and hour"]
    assert default["Web tasks"] == pytest.approx((730 * hour,) * 3, abs=0.05)
    assert dollars(WEB_COUNT="3")["Web tasks"][1] == pytest.approx(3 * 730 * hour, abs=0.05)
    assert default["Worker tasks"][0] == 0
    assert dollars(WORKER_COUNT="0")["Worker tasks"][1] == 0
    arm = dollars(CPU_ARCHITECTURE="arm64")["Web tasks"][1] / default["Web tasks"][1]
    assert arm == pytest.approx(0.8, abs=0.01)
    assert dollars(NAT_GATEWAYS="2")["NAT gateways"][1] == 2 * default["NAT gateway"][1]
    awake = dollars(DATABASE_MIN_ACU="0.5")["Aurora"]
    assert awake[1] - default["Aurora"][1] == pytest.approx(0.5 * 730 * 0.12, abs=0.1)
    assert {"Web ACL", "Key of the alarms' mail"} <= set(dollars(**FULL)) - set(default)
    studio = dollars(DEPLOY_PROMPT_APP="false", DEPLOY_SAGEMAKER_DOMAIN="true")
    assert set(studio) == {"NAT gateway", "S3 and the image"}


def test_the_costs_are_of_what_is_deployed(tmp_path: Path) -> None:
    deployment: Deployment = synthesize_once(tmp_path, {}, "", None)
    assert len(deployment.resources("AWS::SecretsManager::Secret")) == 5
    assert dollars()["Secrets"][0] == 5 * PRICES["secret, month"]
    assert len(deployment.resources("AWS::EC2::NatGateway")) == 1
    assert len(deployment.resources("AWS::CloudWatch::Dashboard")) == 1
    assert len(deployment.resources("AWS::ECS::Service")) == 2
    alarms = deployment.resources("AWS::CloudWatch::Alarm").values()
    metrics = [
        1 if "MetricName" in a else sum("MetricStat" in m for m in a["Metrics"]) for a in alarms
    ]
    assert sorted(metrics) == [1] * 5 + [2] * 3


def test_the_command_prints_the_costs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main() == 0
    assert costs_table(Configuration()) in capsys.readouterr().out
    monkeypatch.setenv("WEB_CPU", "3")
    monkeypatch.setenv("WEB_COUT", "2")
    assert main() == 2
    said = capsys.readouterr().err
    assert "did you mean WEB_COUNT?" in said
    assert "WEB_CPU is '3'" in said
