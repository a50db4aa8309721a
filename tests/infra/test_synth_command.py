"""The command as a person runs it: no account, no credentials, no Docker, no network."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from deployment import ROOT
from network import without_network

CDK = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"
SECONDS = 15.0

pytestmark = [
    pytest.mark.xdist_group("infra"),
    pytest.mark.skipif(not CDK.exists(), reason="aws-cdk is not installed: npm ci"),
]


def synth(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        # No docker on this path.
        "PATH": f"{Path(shutil.which('node') or '').parent}:/usr/bin:/bin",
        "HOME": str(folder),
        # jsii unpacks the library there; the real one saves the test from unpacking it again.
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(Path.home() / ".cache/aws/jsii/package-cache"),
        **variables,
    }
    command = [
        "node",
        str(CDK),
        "synth",
        "--quiet",
        "--output",
        str(folder / "out"),
    ]
    return subprocess.run(
        [*without_network(), *command],
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def processor_seconds() -> float:
    """Of all children that have ended; what else the machine does does not count."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def test_synthesizes_with_nag_in_time_and_without_findings(tmp_path: Path) -> None:
    taken = []
    for _ in range(2):  # the first may still have to compile the library
        before = processor_seconds()
        done = synth(tmp_path, CDK_NAG="true")
        taken.append(processor_seconds() - before)
        assert done.returncode == 0, done.stderr
        if taken[-1] < SECONDS:
            break
    assert min(taken) < SECONDS
    template = json.loads((tmp_path / "out" / "PromptApp.template.json").read_text())
    assert any(r["Type"] == "AWS::ECS::Service" for r in template["Resources"].values())
    report = json.loads((tmp_path / "out" / "validation-report.json").read_text())
    checks = {plugin["pluginName"]: plugin for plugin in report["pluginReports"]}
    assert checks["AwsSolutions"]["violations"] == []
    assert len(checks["AwsSolutions"]["suppressedViolations"]) > 10


def test_a_wrong_value_ends_it_with_one_message() -> None:
    done = subprocess.run(
        [sys.executable, "cdk_app.py"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "LOG_RETENTION_DAYS": "31", "WEB_COUT": "2"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "LOG_RETENTION_DAYS is '31'; accepted: one of 1, 3, 5" in done.stderr
    assert "Warning: WEB_COUT is set and read by nothing here; did you mean WEB_COUNT?" in (
        done.stderr
    )
    assert "Traceback" not in done.stderr


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """The scripts as in the repository, with everything installed and a cdk that tells its
    arguments."""
    for name in ("package.json", "package-lock.json", "uv.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / ".python-version", tmp_path)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    venv, modules = tmp_path / ".venv", tmp_path / "node_modules"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    stamp = {"inputs": digest("uv.lock", "pyproject.toml"), "dev": True, "place": str(venv)}
    (venv / "setup.json").write_text(json.dumps(stamp))
    cdk = modules / "aws-cdk" / "bin" / "cdk"
    cdk.parent.mkdir(parents=True)
    cdk.write_text(
        "console.log(JSON.stringify(process.argv.slice(2))); "
        "process.exit(Number(process.env.CDK_ENDS))"
    )
    stamp = {"inputs": digest("package.json", "package-lock.json")}
    (modules / ".setup.json").write_text(json.dumps(stamp))
    return tmp_path


def digest(*names: str) -> str:
    return hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in names)).hexdigest()


@pytest.mark.parametrize(
    ("script", "flags", "ends"),
    [
        ("deploy", ["--require-approval", "never"], 0),
        ("destroy", ["--force"], 0),
        ("cdk:bootstrap", [], 0),
        ("diff", ["--strict", "a value with blanks"], 1),
        ("synth", ["--quiet"], 0),
    ],
)
def test_flags_reach_cdk_and_its_end_comes_back(
    script: str, flags: list[str], ends: int, workplace: Path
) -> None:
    done = subprocess.run(
        ["npm", "run", "--silent", script, "--", *flags],
        cwd=workplace, env={**os.environ, "CDK_ENDS": str(ends)},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == ends, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told == [script.removeprefix("cdk:"), *flags]


def test_cdk_tells_nobody_and_asks_nobody() -> None:
    settings = json.loads((ROOT / "cdk.json").read_text())
    assert settings["app"] == "node scripts/app.mjs"
    assert (settings["notices"], settings["versionReporting"]) == (False, False)
    assert settings["context"]["cli-telemetry"] is False


def test_the_scripts_and_their_cdk() -> None:
    scripts = json.loads((ROOT / "package.json").read_text())["scripts"]
    for name, command in (
        ("cdk:bootstrap", "bootstrap"),
        ("synth", "synth"),
        ("diff", "diff"),
        ("deploy", "deploy"),
        ("destroy", "destroy"),
    ):
        assert scripts[name] == f"node scripts/cdk.mjs {command}"
    package = json.loads((ROOT / "package.json").read_text())
    assert package["devDependencies"]["aws-cdk"] == "2.1148.1"
    oldest = int(package["engines"]["node"].removeprefix(">="))
    assert int((ROOT / ".nvmrc").read_text()) >= oldest
