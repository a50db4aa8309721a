"""What goes into the image, as far as that shows without a Docker engine."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from deployment import ROOT, Deployment

pytestmark = pytest.mark.xdist_group("infra")

DOCKERFILE = (ROOT / "prompt_app" / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())


def image_asset(deployment: Deployment) -> tuple[dict[str, str], Path]:
    assets = json.loads((deployment.folder / "PromptApp.assets.json").read_text())
    (image,) = assets["dockerImages"].values()
    return image["source"], deployment.folder / image["source"]["directory"]


class TestContext:
    def test_is_limited_to_what_the_image_is_made_of(self, default: Deployment) -> None:
        _, folder = image_asset(default)
        assert {path.name for path in folder.iterdir()} == {
            ".dockerignore",
            "README.md",
            "examples",
            "prompt_app",
            "pyproject.toml",
            "uv.lock",
        }
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert not [f for f in files if "__pycache__" in f.parts or f.name.startswith(".env")]
        assert sum(f.stat().st_size for f in files) < 10_000_000

    def test_the_dockerfile_is_in_it(self, default: Deployment) -> None:
        source, folder = image_asset(default)
        assert (folder / source["dockerFile"]).read_text() == DOCKERFILE
        assert source["platform"] == "linux/amd64"

    def test_arm_is_built_where_configured(self, full: Deployment) -> None:
        assert image_asset(full)[0]["platform"] == "linux/arm64"

    def test_holds_all_that_the_dockerfile_copies(self, default: Deployment) -> None:
        _, folder = image_asset(default)
        copied = [
            name
            for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
            for name in line.split()[:-1]
        ]
        assert "prompt_app" in copied
        assert all((folder / name).exists() for name in copied)


class TestDockerfile:
    def test_the_last_stage_runs_as_its_own_user(self) -> None:
        runtime = DOCKERFILE[DOCKERFILE.index("AS runtime") : DOCKERFILE.index("AS dev")]
        assert "USER 10001:10001" in runtime
        assert "USER root" not in runtime
        assert "HEALTHCHECK" in runtime
        assert "/_stcore/health" in runtime
        assert 'VOLUME ["/data", "/tmp"]' in runtime
        assert DOCKERFILE.rstrip().endswith("FROM runtime AS app")

    def test_installs_the_locked_packages_of_the_app_alone(self) -> None:
        assert DOCKERFILE.count("uv sync --frozen --no-default-groups") == 2
        assert "pip install" not in DOCKERFILE

    def test_keeps_the_aws_services_that_the_app_calls(self) -> None:
        kept = re.search(r'ARG AWS_SERVICES="([^"]+)"', DOCKERFILE)
        assert kept
        called = {"bedrock-runtime", "sagemaker-runtime", "sqs", "sso", "sso-oidc", "sts"}
        for module in (ROOT / "prompt_app").rglob("*.py"):
            called |= set(re.findall(r'\bclient\(\s*"([a-z0-9-]+)"', module.read_text()))
        assert "secretsmanager" in called
        missing = [s for s in called if not any(fnmatch(s, p) for p in kept[1].split())]
        assert missing == []

    def test_takes_no_secret(self) -> None:
        arguments = re.findall(r"^ARG (\w+)", DOCKERFILE, re.MULTILINE)
        assert set(arguments) == {"PYTHON", "UV", "AWS_SERVICES", "AURORA_AUTHORITIES"}
        assert not re.search(r"(KEY|TOKEN|SECRET|PASSWORD)\b", DOCKERFILE)


class TestCompose:
    def test_is_published_to_this_machine_alone(self) -> None:
        for service in COMPOSE["services"].values():
            for port in service.get("ports", []):
                assert port.startswith("127.0.0.1:")

    def test_replaces_the_source_and_restarts(self) -> None:
        (sync, *rebuilds) = COMPOSE["services"]["app"]["develop"]["watch"]
        assert (sync["action"], sync["path"]) == ("sync+restart", "prompt_app")
        assert {r["path"] for r in rebuilds} == {"uv.lock", "prompt_app/Dockerfile"}
        python = re.search(r"ARG PYTHON=python:(\d+\.\d+)", DOCKERFILE)
        assert python
        assert f"/python{python[1]}/" in sync["target"]
        assert sync["target"] in DOCKERFILE

    def test_the_profile_full_adds_postgresql_redis_and_two_workers(self) -> None:
        services = COMPOSE["services"]
        assert "profiles" not in services["app"]
        full = {name for name, service in services.items() if service.get("profiles") == ["full"]}
        assert full == {"postgres", "redis", "worker"}
        assert services["worker"]["deploy"]["replicas"] == 2

    def test_credentials_come_from_the_environment(self) -> None:
        environment = COMPOSE["services"]["app"]["environment"]
        for name in ("OPENAI_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            assert environment[name] is None
