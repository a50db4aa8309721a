"""What goes into the image, as far as that shows without a Docker engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from deployment import ROOT, Deployment
from infra.test_container import missing_engine
from pydantic import SecretStr

from prompt_app.settings import Settings

pytestmark = pytest.mark.xdist_group("infra")

DOCKERFILE = (ROOT / "prompt_app" / "Dockerfile").read_text()
LOCK = (ROOT / "uv.lock").read_text()
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())


PURE_SOURCE = {"rouge-score"}
"""Published as source alone, which is Python alone."""


def has_compose() -> bool:
    if shutil.which("docker") is None:
        return False
    asked = ["docker", "compose", "version"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def started(folder: Path, service: str, *, is_full: bool) -> list[str]:
    """What the service's container runs, and the two addresses that it is told."""
    stub = folder / "bin"
    stub.mkdir()
    finds = "exit 0" if is_full else "exit 2"
    for name, does in (
        ("getent", finds),
        ("setpriv", 'echo "$1 $2 $3 $4 $5"; shift 6; exec "$@"'),
        ("prompt-app", 'echo "prompt-app $*"; echo "$DATABASE_URL"; echo "$PROMPT_APP_BROKER_URL"'),
    ):
        (stub / name).write_text(f"#!/bin/sh\n{does}\n")
        (stub / name).chmod(0o755)
    parts = COMPOSE["services"][service]
    # Compose takes $$ for a dollar.
    entrypoint = [part.replace("$$", "$") for part in parts["entrypoint"]]
    done = subprocess.run(
        [*entrypoint, *parts["command"].split()],
        env={"PATH": f"{stub}:/usr/bin:/bin"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    user, *told = done.stdout.splitlines()
    assert user == "--reuid 10001 --regid 10001 --clear-groups"
    return told


class TestPackages:
    def test_every_locked_package_is_built_for_both_processors(self) -> None:
        """The image is made for amd64 and arm64, and has no compiler."""
        locked = {each["name"]: each for each in tomllib.loads(LOCK)["package"]}
        missing = [
            f"{name} for {processor}"
            for name in needed_packages(locked)
            for processor in ("x86_64", "aarch64")
            if name not in PURE_SOURCE and not runs_on(locked[name], processor)
        ]
        assert len(needed_packages(locked)) > 50
        assert missing == []

    def test_a_package_without_a_wheel_would_be_seen(self) -> None:
        assert not runs_on({"wheels": [{"url": "x-1-cp312-cp312-win_amd64.whl"}]}, "x86_64")
        assert not runs_on({}, "aarch64")


def needed_packages(locked: dict[str, Any]) -> set[str]:
    """The app's own packages on Linux, and theirs."""
    found: set[str] = set()
    waiting = ["prompt-app"]
    while waiting:
        package = locked[waiting.pop()]
        extras = package.get("optional-dependencies", {})
        for each in [*package.get("dependencies", ()), *(e for x in extras.values() for e in x)]:
            marker = each.get("marker", "")
            elsewhere = ("win32" in marker and "!=" not in marker) or "darwin" in marker
            if each["name"] not in found and not elsewhere:
                found.add(each["name"])
                waiting.append(each["name"])
    return found


def runs_on(package: dict[str, Any], processor: str) -> bool:
    names = [each["url"].rpartition("/")[2] for each in package.get("wheels", ())]
    fits = re.compile(rf"(py3|cp312|abi3).*-(any|manylinux\S*_{processor})\.whl$")
    return any(fits.search(name) for name in names)


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

    def test_leaves_out_secrets_that_lie_about(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from aws_cdk import App, Stack

        from cdk_src import task
        from cdk_src.configuration import Configuration

        planted = ("secrets.toml", ".streamlit/secrets.toml", "tls.pem", "tls.key", ".env.local",
                   "credentials", "aws_credentials.json")  # fmt: skip
        source = tmp_path / "source"
        for name in ("prompt_app", "examples"):
            for part in planted:
                path = source / name / "deep" / part
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("secret")
                (source / name / part.rpartition("/")[2]).write_text("secret")
            (source / name / "kept.py").touch()
        (source / ".dockerignore").write_text((ROOT / ".dockerignore").read_text())
        shutil.copy(ROOT / "prompt_app" / "Dockerfile", source / "prompt_app")
        monkeypatch.setattr(task, "ROOT", source)
        app = App(outdir=str(tmp_path / "out"))
        task.build_image(Stack(app, "Image"), Configuration())
        app.synth()
        (context,) = (tmp_path / "out").glob("asset.*")
        kept = {str(f.relative_to(context)) for f in context.rglob("*") if f.is_file()}
        assert kept - {".dockerignore"} == {
            "prompt_app/Dockerfile", "prompt_app/kept.py", "examples/kept.py"
        }  # fmt: skip

    @pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout of git")
    @pytest.mark.parametrize("name", ["secrets.toml", "tls.pem", "a/tls.key", "x_credentials.json"])
    def test_git_leaves_them_out_too(self, name: str) -> None:
        asked = ["git", "check-ignore", "--quiet", f"prompt_app/{name}"]
        assert subprocess.run(asked, cwd=ROOT, check=False).returncode == 0

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


class TestEngine:
    """Where the image can be built, ``test_container.py`` does; else it says why not."""

    @pytest.mark.parametrize(
        ("docker", "reason"),
        [
            (None, "there is no docker command"),
            ("echo 'Cannot connect to the Docker daemon' >&2; exit 1", "Cannot connect"),
            ("echo 27.1", ""),
        ],
    )
    def test_a_missing_one_is_named(
        self, docker: str | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if docker is not None:
            (tmp_path / "docker").write_text(f"#!/bin/sh\n{docker}\n")
            (tmp_path / "docker").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        found = missing_engine()
        assert reason in found
        assert bool(found) == bool(reason)


class TestDockerfile:
    def test_the_last_stage_runs_as_its_own_user(self) -> None:
        *_, last = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)
        assert re.findall(r"^USER (.*)$", last, re.MULTILINE) == ["10001:10001"]
        assert "HEALTHCHECK" in last
        assert "/_stcore/health" in last
        assert 'VOLUME ["/data", "/tmp"]' in last

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

    def test_keeps_sqlite_on_a_volume(self) -> None:
        app = COMPOSE["services"]["app"]
        assert app["volumes"] == ["data:/data"]
        assert "data" in COMPOSE["volumes"]
        told = app["environment"]
        assert told["PROMPT_APP_DATA_DIR"] == "/data"
        assert not {"DATABASE_URL", "PROMPT_APP_BROKER_URL"} & set(told)

    def test_replaces_the_source_and_restarts(self) -> None:
        (sync, *rebuilds) = COMPOSE["services"]["app"]["develop"]["watch"]
        assert (sync["action"], sync["path"]) == ("sync+restart", "prompt_app")
        assert {r["path"] for r in rebuilds} == {"uv.lock", "prompt_app/Dockerfile"}
        python = re.search(r"ARG PYTHON=python:(\d+\.\d+)", DOCKERFILE)
        assert python
        assert f"/python{python[1]}/" in sync["target"]

    def test_the_code_is_replaced_by_root_and_run_by_the_images_user(self) -> None:
        """Whom Docker Engine looks up where it runs itself: there the image's user is unknown."""
        for name in ("app", "worker"):
            service = COMPOSE["services"][name]
            assert service["user"] == "root"
            assert (service["cap_drop"], set(service["cap_add"])) == (
                ["ALL"],
                {"KILL", "SETGID", "SETUID"},
            )

    def test_the_profile_full_adds_postgresql_redis_and_two_workers(self) -> None:
        services = COMPOSE["services"]
        assert "profiles" not in services["app"]
        full = {name for name, service in services.items() if service.get("profiles") == ["full"]}
        assert full == {"postgres", "redis", "worker"}
        assert services["worker"]["deploy"]["replicas"] == 2
        for name in ("app", "worker"):
            needed = services[name]["depends_on"]
            assert set(needed) == {"postgres", "redis"}
            assert {each["condition"] for each in needed.values()} == {"service_healthy"}
            assert not any(each["required"] for each in needed.values())

    @pytest.mark.parametrize("service", ["app", "worker"])
    @pytest.mark.parametrize("is_full", [False, True], ids=["alone", "full"])
    def test_the_servers_are_used_where_they_are_there(
        self, is_full: bool, service: str, tmp_path: Path
    ) -> None:
        told = started(tmp_path, service, is_full=is_full)
        command = COMPOSE["services"][service]["command"]
        if not is_full:
            assert told == [command, "", ""]
            return
        database, broker = told[1:]
        assert told[0] == (f"{command} --no-worker" if service == "app" else command)
        postgres = COMPOSE["services"]["postgres"]["environment"]
        user, password = postgres["POSTGRES_USER"], postgres["POSTGRES_PASSWORD"]
        assert (
            database == f"postgresql+psycopg://{user}:{password}@postgres/{postgres['POSTGRES_DB']}"
        )
        assert Settings(broker_url=SecretStr(broker)).broker_url
        assert broker.startswith("redis://redis:")

    @pytest.mark.parametrize(
        ("script", "asks"),
        [("dev:app", "compose watch"), ("dev:watchlogs", "compose logs --follow --tail 100")],
    )
    def test_the_scripts_for_developing(self, script: str, asks: str, tmp_path: Path) -> None:
        stub = tmp_path / "docker"
        stub.write_text('#!/bin/sh\necho "$* in $PWD"; exit 7\n')
        stub.chmod(0o755)
        done = subprocess.run(
            ["npm", "run", "--silent", script, "--", "--dry-run"],
            cwd=ROOT, env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.stdout.splitlines() == [f"{asks} --dry-run in {ROOT}"]
        assert done.returncode == 7
        assert f"npm run {script}" in (ROOT / "README.md").read_text()

    @pytest.mark.skipif(not has_compose(), reason="no docker compose on this machine")
    @pytest.mark.parametrize("profile", ["", "full"])
    def test_compose_reads_it(self, profile: str) -> None:
        options = ["--profile", profile] if profile else []
        done = subprocess.run(
            ["docker", "compose", *options, "config", "--services"],
            cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        expected = {"app", "worker", "postgres", "redis"} if profile else {"app"}
        assert set(done.stdout.split()) == expected

    def test_credentials_come_from_the_environment(self) -> None:
        environment = COMPOSE["services"]["app"]["environment"]
        for name in ("OPENAI_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            assert environment[name] is None
