"""The deployment's own small programs, executed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from custom_resource import CloudFormation
from deployment import ROOT

from cdk_src.sagemaker_studio import check_out_script

pytestmark = pytest.mark.xdist_group("infra")

HANDLERS = ROOT / "cdk_src" / "handlers"
PASSWORD = "Correct-Horse-7-Battery"


class Admin:
    """A user pool with its first user, and the secret of their password."""

    def __init__(self) -> None:
        namespace: dict[str, Any] = {}
        code = (HANDLERS / "admin_password.py").read_text()
        exec(compile(code, "index.py", "exec"), namespace)
        self.handler: Callable[[dict[str, Any], Any], None] = namespace["handler"]
        self.users = boto3.client("cognito-idp")
        self.pool = self.users.create_user_pool(PoolName="users")["UserPool"]["Id"]
        self.users.admin_create_user(
            UserPoolId=self.pool, Username="admin@example.com", MessageAction="SUPPRESS"
        )
        secrets = boto3.client("secretsmanager")
        self.secret = secrets.create_secret(Name="admin", SecretString=PASSWORD)["ARN"]

    def handle(self, receiver: CloudFormation, kind: str, **properties: str) -> dict[str, Any]:
        event = receiver.request(kind)
        event["ResourceProperties"] = {
            "UserPoolId": self.pool,
            "Username": "admin@example.com",
            "SecretArn": self.secret,
            **properties,
        }
        self.handler(event, SimpleNamespace(log_stream_name="stream"))
        return receiver.answers[-1]

    def status(self) -> str:
        user = self.users.admin_get_user(UserPoolId=self.pool, Username="admin@example.com")
        return user["UserStatus"]


@pytest.fixture
def admin(aws: str) -> Admin:
    return Admin()


class TestAdminPassword:
    def test_is_set_for_good(
        self,
        admin: Admin,
        cloudformation: CloudFormation,
    ) -> None:
        assert admin.status() == "FORCE_CHANGE_PASSWORD"
        answer = admin.handle(cloudformation, "Create")
        assert answer["Status"] == "SUCCESS"
        assert admin.status() == "CONFIRMED"
        client = admin.users.create_user_pool_client(
            UserPoolId=admin.pool,
            ClientName="app",
            ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"],
        )["UserPoolClient"]["ClientId"]
        session = admin.users.admin_initiate_auth(
            UserPoolId=admin.pool,
            ClientId=client,
            AuthFlow="ADMIN_NO_SRP_AUTH",
            AuthParameters={"USERNAME": "admin@example.com", "PASSWORD": PASSWORD},
        )
        assert session["AuthenticationResult"]["IdToken"]

    def test_is_in_no_answer_and_no_output(
        self,
        admin: Admin,
        cloudformation: CloudFormation,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        admin.handle(cloudformation, "Create")
        assert PASSWORD not in str(cloudformation.answers)
        captured = capsys.readouterr()
        assert PASSWORD not in captured.out + captured.err

    def test_a_deletion_touches_nothing(
        self,
        admin: Admin,
        cloudformation: CloudFormation,
    ) -> None:
        answer = admin.handle(cloudformation, "Delete", UserPoolId="gone", SecretArn="gone")
        assert answer["Status"] == "SUCCESS"
        assert admin.status() == "FORCE_CHANGE_PASSWORD"

    def test_a_failure_is_reported_without_detail(
        self,
        admin: Admin,
        cloudformation: CloudFormation,
    ) -> None:
        answer = admin.handle(cloudformation, "Create", Username="nobody@example.com")
        assert answer["Status"] == "FAILED"
        assert answer["Reason"] == "Setting the password failed: UserNotFoundException"


class TestCheckOut:
    """The workshop's JupyterLab: the code once, the user's changes for ever."""

    @pytest.fixture
    def repository(self, tmp_path: Path) -> Path:
        folder = tmp_path / "prompt-app.git"
        folder.mkdir()
        self.git(folder, "init", "--initial-branch", "main")
        for name in ("main", "workshop"):
            if name != "main":
                self.git(folder, "checkout", "-b", name)
            (folder / "page.txt").write_text(name)
            self.git(folder, "add", ".")
            self.git(folder, "commit", "-m", name)
        return folder

    @staticmethod
    def git(folder: Path, *arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)

    @staticmethod
    def start(home: Path, repository: str, checkout: str = "workshop") -> str:
        script = check_out_script(repository, checkout)
        done = subprocess.run(
            ["bash", "-c", script],
            check=False,
            env={"HOME": str(home), "PATH": os.environ["PATH"], "GIT_TERMINAL_PROMPT": "0"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    @pytest.fixture
    def home(self, tmp_path: Path) -> Path:
        home = tmp_path / "home"
        home.mkdir()
        return home

    def test_once_and_then_never_again(self, home: Path, repository: Path) -> None:
        self.start(home, f"file://{repository}")
        page = home / "prompt-app" / "page.txt"
        assert page.read_text() == "workshop"
        page.write_text("mine")
        assert "leaving it as it is" in self.start(home, f"file://{repository}", "main")
        assert page.read_text() == "mine"

    @pytest.mark.parametrize(
        "hostile",
        ["x'$(touch PWNED)'", "$(touch PWNED)", "`touch PWNED`", "x; touch PWNED", "x\ntouch PWNED",
         'x" && touch PWNED "', "@CHECKOUT@'; touch PWNED; '"],
    )  # fmt: skip
    def test_no_value_is_run(
        self, hostile: str, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also where the configuration would have refused it."""
        monkeypatch.chdir(home)
        self.start(home, f"file://{home}/{hostile}", hostile)
        self.start(home, f"file://{home}/nowhere", hostile)
        assert not list(home.rglob("PWNED"))

    def test_a_failure_does_not_keep_jupyterlab_from_starting(
        self, home: Path, repository: Path
    ) -> None:
        message = self.start(home, f"file://{repository}", "nowhere")
        assert "Could not check out nowhere" in message
        assert list(home.iterdir()) == []
        self.start(home, f"file://{repository}")
        assert (home / "prompt-app" / "page.txt").read_text() == "workshop"
