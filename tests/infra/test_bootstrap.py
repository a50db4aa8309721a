"""The one-click template: its form, its function against CodeBuild, its build as a script."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from botocore import xform_name
from custom_resource import CloudFormation
from deployment import ROOT
from moto.codebuild.models import CodeBuildBackend, codebuild_backends
from moto.core.exceptions import JsonRESTError

from cdk_src.configuration import Configuration, read_configuration

pytestmark = pytest.mark.xdist_group("infra")


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: !Ref x is {"Ref": "x"}."""


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    name = suffix if suffix == "Ref" else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    assert isinstance(node, yaml.SequenceNode)
    return {name: loader.construct_sequence(node, deep=True)}


_Loader.add_multi_constructor("!", _short_form)
TEMPLATE: dict[str, Any] = yaml.load(  # a SafeLoader
    (ROOT / "cfn_bootstrap.yaml").read_text(), Loader=_Loader
)
RESOURCES = TEMPLATE["Resources"]
FUNCTION: str = RESOURCES["Function"]["Properties"]["Code"]["ZipFile"]
BUILD_VARIABLES = {
    variable["Name"]: variable["Value"]
    for variable in RESOURCES["Project"]["Properties"]["Environment"]["EnvironmentVariables"]
}


class TestForm:
    def test_says_which_broad_rights_it_grants_and_why(self) -> None:
        assert "rights of an administrator" in TEMPLATE["Description"]
        rights = TEMPLATE["Metadata"]["BroadRights"]
        assert "AdministratorAccess" in rights
        assert "because" in rights

    def test_broad_rights_end_at_the_cdks_names(self) -> None:
        for policy in RESOURCES["BuildRole"]["Properties"]["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                resources = statement["Resource"]
                for resource in resources if isinstance(resources, list) else [resources]:
                    assert resource != "*", statement["Sid"]
                    arn = resource.get("Fn::Sub", "")
                    if isinstance(arn, str) and arn.endswith("*"):
                        own = r"cdk-\*$|cdk-bootstrap/\*$|stack/(CDKToolkit|\$\{StackName\})/\*$"
                        assert re.search(own, arn), arn

    def test_it_may_delete_the_stack_that_it_deploys_and_no_other(self) -> None:
        (deleting,) = [
            statement
            for policy in RESOURCES["BuildRole"]["Properties"]["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]
            if "cloudformation:DeleteStack" in statement["Action"]
        ]
        assert deleting["Resource"]["Fn::Sub"].endswith(":stack/${StackName}/*")
        assert RESOURCES["Deployment"]["Properties"]["StackName"] == {"Ref": "StackName"}

    @pytest.mark.parametrize(
        ("settings", "is_taken"),
        [("WEB_COUNT=2 WAF=true", True), ("", True), ("WAF=true ", True),
         ("OIDC_SCOPES=openid email groups WAF=true", True), ("STACK_NAME=Other", False),
         ("WEB_COUNT=2 STACK_NAME=Other", False), ("OIDC_SCOPES=openid  STACK_NAME=Other", False),
         ("web=2", False), ("openid WAF=true", False), ("WAF=true ACTION=destroy", False),
         ("OWNER=me", False), ("SOURCE=https://example.com/x.zip", False)],
    )  # fmt: skip
    def test_other_settings_leave_the_stacks_name_alone(
        self, settings: str, is_taken: bool
    ) -> None:
        pattern = TEMPLATE["Parameters"]["OtherSettings"]["AllowedPattern"]
        assert bool(re.fullmatch(pattern, settings)) == is_taken

    def test_every_parameter_is_offered_and_redeploys_when_changed(self) -> None:
        names = set(TEMPLATE["Parameters"])
        groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        assert {name for group in groups for name in group["Parameters"]} == names
        watched = RESOURCES["Deployment"]["Properties"]["Parameters"]
        assert {reference["Ref"] for reference in watched} == names

    def test_parameters_are_the_deployments_variables_with_their_defaults(self) -> None:
        defaults = {f.metadata["name"]: f.metadata["default"] for f in fields(Configuration)}
        own = {"ACTION", "OWNER", "SOURCE", "SOURCE_VERSION", "OTHER_SETTINGS"}
        assert set(BUILD_VARIABLES) - own <= set(defaults)
        for name in set(BUILD_VARIABLES) - own:
            parameter = TEMPLATE["Parameters"][BUILD_VARIABLES[name]["Ref"]]
            assert parameter["Default"] == defaults[name], name

    def test_a_build_ends_before_cloudformation_gives_up(self) -> None:
        project = RESOURCES["Project"]["Properties"]
        minutes = project["TimeoutInMinutes"] + project["QueuedTimeoutInMinutes"]
        assert minutes * 60 < int(RESOURCES["Deployment"]["Properties"]["ServiceTimeout"])

    def test_every_end_of_a_build_is_reported(self) -> None:
        pattern = RESOURCES["BuildEnded"]["Properties"]["EventPattern"]
        assert set(pattern["detail"]["build-status"]) == {
            "SUCCEEDED",
            "FAILED",
            "FAULT",
            "STOPPED",
            "TIMED_OUT",
        }

    def test_the_function_may_do_what_it_calls(self) -> None:
        (policy,) = RESOURCES["FunctionRole"]["Properties"]["Policies"]
        (builds, _) = policy["PolicyDocument"]["Statement"]
        calls = set(re.findall(r"codebuild\.([a-z_]+)\(", FUNCTION))
        assert {xform_name(each.split(":")[1]) for each in builds["Action"]} == calls
        assert builds["Resource"] == {"Fn::GetAtt": "Project.Arn"}
        # Longer than it waits for a build to stop.
        assert RESOURCES["Function"]["Properties"]["Timeout"] > 240

    def test_the_function_fits_inline(self) -> None:
        assert len(FUNCTION.encode()) <= 4096


class Builds:
    """CodeBuild: the project, and what becomes of its builds."""

    def __init__(self) -> None:
        namespace: dict[str, Any] = {}
        exec(compile(FUNCTION, "index.py", "exec"), namespace)
        self.handler: Callable[[dict[str, Any], Any], None] = namespace["handler"]
        self.overrides: list[dict[str, str]] = []
        self.client = namespace["codebuild"]
        self.client.meta.events.register("provide-client-params.codebuild.StartBuild", self._record)
        self.backend = codebuild_backends["123456789012"]["eu-west-1"]

    def create_project(self) -> None:
        self.client.create_project(
            name="deployer",
            # moto does not know NO_SOURCE.
            source={"type": "S3", "location": "bucket/code.zip"},
            artifacts={"type": "NO_ARTIFACTS"},
            environment={
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/amazonlinux-x86_64-standard:5.0",
                "computeType": "BUILD_GENERAL1_MEDIUM",
            },
            serviceRole="arn:aws:iam::123456789012:role/build",
        )

    def _record(self, params: dict[str, Any], **_: Any) -> None:
        self.overrides.append(
            {v["name"]: v["value"] for v in params.get("environmentVariablesOverride", [])}
        )

    def start(self, request: dict[str, Any]) -> None:
        self.handler(request, SimpleNamespace())

    def end(self, status: str) -> None:
        """End the last build. moto keeps no variables of a build, so they are put in here."""
        build = self.backend.build_metadata["deployer"].build_metadata
        build["buildStatus"] = status
        build["environment"]["environmentVariables"] = [
            {"name": name, "value": value, "type": "PLAINTEXT"}
            for name, value in {"SOURCE": "x", **self.overrides[-1]}.items()
        ]
        self.handler(
            {
                "source": "aws.codebuild",
                "detail-type": "CodeBuild Build State Change",
                "detail": {
                    "build-status": status,
                    "project-name": "deployer",
                    "build-id": build["arn"],
                },
            },
            SimpleNamespace(),
        )

    def statuses(self) -> list[str]:
        history = self.backend.build_metadata_history["deployer"]
        return [build["buildStatus"] for build in history]


@pytest.fixture
def builds(aws: str, monkeypatch: pytest.MonkeyPatch) -> Builds:
    """Of a project that runs one build at a time, as the template has it; moto knows no limit, and
    takes a build that somebody looks at for done."""
    assert RESOURCES["Project"]["Properties"]["ConcurrentBuildLimit"] == 1
    start = CodeBuildBackend.start_build

    def start_one(self: CodeBuildBackend, project_name: str, *rest: Any, **more: Any) -> Any:
        for build in self.build_metadata_history[project_name]:
            if build["buildStatus"] == "IN_PROGRESS":
                raise JsonRESTError("AccountLimitExceededException", "more than 1 build")
        return start(self, project_name, *rest, **more)

    def look(self: CodeBuildBackend, ids: list[str]) -> list[dict[str, Any]]:
        return [b for builds in self.build_metadata_history.values() for b in builds
                if b["id"] in ids]  # fmt: skip

    monkeypatch.setattr(CodeBuildBackend, "start_build", start_one)
    monkeypatch.setattr(CodeBuildBackend, "batch_get_builds", look)
    builds = Builds()
    builds.create_project()
    return builds


class TestFunction:
    @pytest.mark.parametrize(
        ("kind", "action"), [("Create", "deploy"), ("Update", "deploy"), ("Delete", "destroy")]
    )
    def test_starts_a_build_and_reports_its_success(
        self, kind: str, action: str, builds: Builds, cloudformation: CloudFormation
    ) -> None:
        builds.start(cloudformation.request(kind))
        assert builds.overrides[-1]["ACTION"] == action
        assert cloudformation.answers == []
        builds.end("SUCCEEDED")
        (answer,) = cloudformation.answers
        assert answer["Status"] == "SUCCESS"
        assert answer["RequestId"] == f"request-{kind}"
        assert answer["LogicalResourceId"] == "Deployment"
        assert answer["StackId"].endswith("stack/Bootstrap/1")

    @pytest.mark.parametrize("status", ["FAILED", "FAULT", "STOPPED", "TIMED_OUT"])
    def test_reports_every_other_end_as_a_failure_with_the_logs_address(
        self, status: str, builds: Builds, cloudformation: CloudFormation
    ) -> None:
        builds.start(cloudformation.request("Create"))
        builds.end(status)
        (answer,) = cloudformation.answers
        assert answer["Status"] == "FAILED"
        assert status in answer["Reason"]
        assert "https://console.aws.amazon.com/cloudwatch/" in answer["Reason"]

    def test_a_build_that_cannot_start_fails_at_once(
        self, aws: str, cloudformation: CloudFormation
    ) -> None:
        Builds().start(cloudformation.request("Create"))
        (answer,) = cloudformation.answers
        assert answer["Status"] == "FAILED"
        assert "could not be started" in answer["Reason"]
        assert "deployer" in answer["Reason"]

    def test_an_update_keeps_the_physical_id(
        self, builds: Builds, cloudformation: CloudFormation
    ) -> None:
        for kind in ("Create", "Update"):
            builds.start(cloudformation.request(kind))
            builds.end("SUCCEEDED")
        answers = cloudformation.answers
        assert [answer["PhysicalResourceId"] for answer in answers] == ["PromptApp"] * 2

    def test_another_name_of_the_stack_is_refused_and_undone(
        self, builds: Builds, cloudformation: CloudFormation
    ) -> None:
        """It would leave the deployed one without an owner."""
        builds.start(cloudformation.request("Update", StackName="Other"))
        (answer,) = cloudformation.answers
        assert answer["Status"] == "FAILED"
        assert "StackName cannot be changed from PromptApp to Other" in answer["Reason"]
        assert answer["PhysicalResourceId"] == "PromptApp"
        assert builds.overrides == []
        # Then CloudFormation updates back.
        builds.start(cloudformation.request("Update"))
        builds.end("SUCCEEDED")
        assert cloudformation.answers[-1]["Status"] == "SUCCESS"

    @pytest.mark.parametrize("kind", ["Update", "Delete"])
    def test_a_build_that_still_runs_is_stopped_first(
        self, kind: str, builds: Builds, cloudformation: CloudFormation
    ) -> None:
        """A creation or update that is given up, while its build goes on."""
        builds.start(cloudformation.request("Create"))
        builds.start(cloudformation.request(kind))
        assert cloudformation.answers == []
        assert builds.statuses() == ["STOPPED", "IN_PROGRESS"]
        assert [each["CFN_RequestId"] for each in builds.overrides] == [
            "request-Create",
            f"request-{kind}",
        ]
        builds.end("SUCCEEDED")
        (answer,) = cloudformation.answers
        assert (answer["Status"], answer["RequestId"]) == ("SUCCESS", f"request-{kind}")

    def test_a_build_started_by_hand_concerns_nobody(
        self, builds: Builds, cloudformation: CloudFormation
    ) -> None:
        builds.client.start_build(projectName="deployer")
        builds.end("FAILED")
        assert cloudformation.answers == []


OWNER = "arn:aws:cloudformation:eu-west-1:123456789012:stack/Bootstrap/1"
OTHER = OWNER.replace("Bootstrap/1", "Bootstrap/2")
PHASES = ("install", "pre_build", "build")
STUB = """#!/bin/sh
echo "{name} $*" >> "$CALLS"
env | grep -E '^(WEB_COUNT|STACK_NAME|WORKER_COUNT|OIDC_SCOPES)=' >> "$VARIABLES" || true
case "{name} $*" in "$FAILS"*) exit 7 ;; esac
{then}
"""


class Build:
    """Runs the build's commands as CodeBuild does: in one shell, until one fails."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls, self.variables = folder / "calls.txt", folder / "variables.txt"
        (folder / "bin").mkdir()
        (folder / "work").mkdir()
        self.archive = folder / "archive.zip"
        self.stub("npm")
        # Both download: the last word is where from, or where to.
        copy = f'if [ "$1" = s3 ]; then for last; do :; done; cp "{self.archive}" "$last"; fi'
        self.states = folder / "states.txt"
        self.states.write_text("ABSENT\n")
        # The stack's state now, and the next time that somebody asks.
        state = f'''if [ "$2" = describe-stacks ]; then
            read -r state < "{self.states}"
            [ "$(wc -l < "{self.states}")" -eq 1 ] || sed -i 1d "{self.states}"
            if [ "$state" = ABSENT ]; then
                echo "Stack with id $4 does not exist" >&2; exit 254
            fi
            printf '%s\\t%s\\n' $state; exit 0
        fi
        '''
        self.stub("aws", state + copy)
        self.stub("curl", f'cp "{self.archive}" code.zip')

    def stub(self, name: str, then: str = "") -> None:
        path = self.folder / "bin" / name
        path.write_text(STUB.format(name=name, then=then))
        path.chmod(0o755)

    def run(self, source: str, *, fails: str = "nothing", **variables: str) -> int:
        buildspec = yaml.safe_load(RESOURCES["Project"]["Properties"]["Source"]["BuildSpec"])
        assert buildspec["env"]["shell"] == "bash"
        commands = [
            command for phase in PHASES for command in buildspec["phases"][phase]["commands"]
        ]
        script = "\n".join(f"{{ {command.rstrip()}\n}} || exit 1" for command in commands)
        environment = {
            "PATH": f"{self.folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "CALLS": str(self.calls),
            "VARIABLES": str(self.variables),
            "FAILS": fails,
            "ACTION": "deploy",
            "SOURCE": source,
            "SOURCE_VERSION": "main",
            "OTHER_SETTINGS": "",
            "STACK_NAME": "PromptApp",
            "OWNER": OWNER,
            "POLL_SECONDS": "0.01",
            **variables,
        }
        done = subprocess.run(
            ["bash", "-c", script],
            check=False,
            cwd=self.folder / "work",
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.said = done.stdout + done.stderr
        return done.returncode

    def called(self) -> list[str]:
        """Without the looks at the stack."""
        return [call for call in self._calls() if "describe-stacks" not in call]

    def looks(self) -> int:
        return len(self._calls()) - len(self.called())

    def _calls(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


NPM = [
    "npm ci --no-audit --no-fund",
    "npm run cdk:bootstrap",
    f"npm run deploy -- --require-approval never --tags prompt-app:bootstrap={OWNER}",
]
DESTROY = [
    "aws cloudformation delete-stack --stack-name PromptApp",
    "aws cloudformation wait stack-delete-complete --stack-name PromptApp",
]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return Build(tmp_path)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with the commits and branches main and workshop."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder = tmp_path / "repository"
    folder.mkdir()

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)

    git("init", "--initial-branch", "main")
    for branch in ("main", "workshop"):
        if branch != "main":
            git("checkout", "-b", branch)
        (folder / "cdk.json").write_text(json.dumps({"branch": branch}))
        git("add", ".")
        git("commit", "-m", branch)
    git("checkout", "main")
    return folder


def pack(archive: Path, prefix: str = "") -> None:
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr(f"{prefix}cdk.json", json.dumps({"branch": "packed"}))
        target.writestr(f"{prefix}package.json", "{}")


def branch_of(folder: Path) -> str:
    (found,) = folder.rglob("cdk.json")
    return str(json.loads(found.read_text())["branch"])


class TestBuild:
    @pytest.mark.parametrize("version", ["main", "workshop"])
    def test_from_git_by_branch(self, version: str, build: Build, repository: Path) -> None:
        assert build.run(f"file://{repository}", SOURCE_VERSION=version) == 0
        assert branch_of(build.folder / "work") == version
        assert build.called() == NPM

    def test_from_git_by_commit(self, build: Build, repository: Path) -> None:
        commit = subprocess.run(
            ["git", "rev-parse", "workshop"], cwd=repository, capture_output=True, check=True
        )
        assert build.run(f"file://{repository}", SOURCE_VERSION=commit.stdout.decode().strip()) == 0
        assert branch_of(build.folder / "work") == "workshop"

    @pytest.mark.parametrize("prefix", ["", "prompt-app-main/"])
    @pytest.mark.parametrize(
        ("source", "fetched_by"),
        [
            ("https://example.com/code.zip", "curl"),
            ("https://example.com/code.zip?X-Amz-Expires=60&X-Amz-Signature=0a", "curl"),
            ("s3://bucket/some/code.zip", "aws s3 cp"),
        ],
    )
    def test_from_an_archive(self, source: str, fetched_by: str, prefix: str, build: Build) -> None:
        pack(build.archive, prefix)
        assert build.run(source) == 0
        fetch, *rest = build.called()
        assert fetch.startswith(fetched_by)
        assert source in fetch
        assert rest == NPM

    @pytest.mark.parametrize(
        "source", ["https://example.com/gone.zip", "s3://gone/code.zip", "https://gone.example/x"]
    )
    def test_destroys_without_the_code(self, source: str, build: Build) -> None:
        build.states.write_text(f"CREATE_COMPLETE {OWNER}\n")
        assert build.run(source, ACTION="destroy", STACK_NAME="Mine") == 0
        assert build.called() == [
            "aws cloudformation delete-stack --stack-name Mine",
            "aws cloudformation wait stack-delete-complete --stack-name Mine",
        ]

    @pytest.mark.parametrize("fails", ["delete-stack", "wait"])
    def test_a_failed_destruction_fails_and_says_what_stayed(
        self, fails: str, build: Build
    ) -> None:
        build.states.write_text(f"CREATE_COMPLETE {OWNER}\n")
        assert build.run("x", ACTION="destroy", fails=f"aws cloudformation {fails}") != 0
        last = build.called()[-1]
        assert last.startswith("aws cloudformation describe-stack-events --stack-name PromptApp")
        assert "DELETE_FAILED" in last
        assert not [call for call in build.called() if call.startswith(("npm", "git", "curl"))]

    @pytest.mark.parametrize("owner", ["None", OTHER])
    def test_a_stack_that_was_not_made_here_is_neither_deployed_nor_destroyed(
        self, owner: str, build: Build
    ) -> None:
        """A creation that is refused is followed by its own deletion."""
        build.states.write_text(f"UPDATE_COMPLETE {owner}\n")
        pack(build.archive)
        assert build.run("https://example.com/code.zip") != 0
        assert "The stack PromptApp exists and was not made by" in build.said
        assert "choose another StackName" in build.said
        assert build.run("https://example.com/code.zip", ACTION="destroy") == 0
        assert "Nothing is deleted" in build.said
        assert build.called() == []

    @pytest.mark.parametrize("state", [f"UPDATE_COMPLETE {OWNER}", "REVIEW_IN_PROGRESS None"])
    def test_its_own_stack_or_an_empty_one_is_deployed(self, state: str, build: Build) -> None:
        build.states.write_text(f"{state}\n")
        pack(build.archive)
        assert build.run("https://example.com/code.zip") == 0
        assert build.called()[1:] == NPM

    def test_destroying_what_is_not_there_is_done(self, build: Build) -> None:
        assert build.run("https://example.com/code.zip", ACTION="destroy") == 0
        assert build.called() == []

    @pytest.mark.parametrize("action", ["deploy", "destroy"])
    def test_waits_for_what_a_stopped_build_has_set_going(self, action: str, build: Build) -> None:
        pack(build.archive)
        states = ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE")
        build.states.write_text("".join(f"{state} {OWNER}\n" for state in states))
        assert build.run("https://example.com/code.zip", ACTION=action) == 0
        assert build.looks() == len(states)
        assert build.called() == DESTROY or build.called()[1:] == NPM

    @pytest.mark.parametrize("action", ["deploy", "destroy"])
    def test_touches_nothing_where_it_may_not_look(self, action: str, build: Build) -> None:
        refused = "aws cloudformation describe-stacks"
        assert build.run("https://example.com/x.zip", ACTION=action, fails=refused) != 0
        assert build.called() == []

    @pytest.mark.parametrize("hostile", ["$(touch PWNED)", "`touch PWNED`", "';touch PWNED;'", "*"])
    def test_no_variable_is_run(self, hostile: str, build: Build) -> None:
        """Also where CloudFormation would have refused the value."""
        pack(build.archive)
        code = build.run(
            f"https://example.com/{hostile}/code.zip", SOURCE_VERSION=hostile, OWNER=hostile,
            STACK_NAME=hostile, OTHER_SETTINGS=f"WEB_COUNT={hostile} {hostile}",
        )  # fmt: skip
        assert code == 0
        assert not list(build.folder.rglob("PWNED"))
        assert f"WEB_COUNT={hostile} {hostile}" in build.variables.read_text()

    def test_a_value_of_the_other_settings_may_hold_spaces(self, build: Build) -> None:
        pack(build.archive)
        settings = "OIDC_SCOPES=openid email groups WEB_COUNT=2"
        assert build.run("https://example.com/code.zip", OTHER_SETTINGS=settings) == 0
        deployed_with = build.variables.read_text().splitlines()[-3:]
        assert "OIDC_SCOPES=openid email groups" in deployed_with
        assert "WEB_COUNT=2" in deployed_with

    def test_passes_the_other_settings_on(self, build: Build) -> None:
        pack(build.archive)
        settings = "WEB_COUNT=2 WORKER_COUNT=0"
        assert build.run("https://example.com/code.zip", OTHER_SETTINGS=settings) == 0
        deployed_with = build.variables.read_text().splitlines()[-3:]
        assert sorted(deployed_with) == ["STACK_NAME=PromptApp", "WEB_COUNT=2", "WORKER_COUNT=0"]
        assert re.fullmatch(TEMPLATE["Parameters"]["OtherSettings"]["AllowedPattern"], settings)
        pairs = dict(pair.split("=", 1) for pair in settings.split())
        read_configuration({"OTHER_SETTINGS": settings, **pairs})

    @pytest.mark.parametrize(
        ("fails", "last"),
        [
            ("curl", "curl"),
            ("npm ci", "npm ci"),
            ("npm run cdk:bootstrap", "npm run cdk:bootstrap"),
            ("npm run deploy", "npm run deploy"),
        ],
    )
    def test_the_first_failure_ends_it(self, fails: str, last: str, build: Build) -> None:
        pack(build.archive)
        assert build.run("https://example.com/code.zip", fails=fails) != 0
        assert build.called()[-1].startswith(last)

    def test_a_source_that_is_no_deployment_fails(self, build: Build) -> None:
        with zipfile.ZipFile(build.archive, "w") as target:
            target.writestr("README.md", "something else")
        assert build.run("https://example.com/code.zip") != 0
        assert len(build.called()) == 1

    def test_an_object_that_is_not_there_fails(self, build: Build) -> None:
        assert build.run("s3://bucket/code.zip", fails="aws s3 cp") != 0
        (call,) = build.called()
        assert call.startswith("aws s3 cp")

    def test_a_repository_that_is_not_there_fails(self, build: Build, tmp_path: Path) -> None:
        assert build.run(f"file://{tmp_path}/nowhere") != 0
        assert build.called() == []

    def test_an_archive_that_is_none_fails(self, build: Build) -> None:
        build.archive.write_text("<html>Log in first</html>")
        assert build.run("https://example.com/code.zip") != 0
        assert len(build.called()) == 1

    def test_an_unknown_branch_fails(self, build: Build, repository: Path) -> None:
        assert build.run(f"file://{repository}", SOURCE_VERSION="nowhere") != 0
        assert build.called() == []
