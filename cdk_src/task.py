"""One hardened Fargate task of the app; the web service and the workers differ in its command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import Duration, IgnoreMode
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk_src.configuration import Configuration
from cdk_src.network import Network
from cdk_src.removal import log_retention, removal_policy

if TYPE_CHECKING:
    from cdk_src.database import Database

ROOT = Path(__file__).parent.parent
PORT = 8501


@dataclass(frozen=True)
class Platform:
    """What every task of the app shares."""

    cluster: ecs.Cluster
    image: ecs.ContainerImage
    network: Network
    database: Database
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Container:
    """What differs; one that ``serves`` has a port and a probe."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, ecs.Secret] = field(default_factory=dict)
    serves: bool = False


def build_image(scope: Construct, configuration: Configuration) -> ecs.ContainerImage:
    """The image of ``prompt_app/Dockerfile``: only fingerprinted at synthesis, built at deploy."""
    platforms = {
        "amd64": ecr_assets.Platform.LINUX_AMD64,
        "arm64": ecr_assets.Platform.LINUX_ARM64,
    }
    return ecs.ContainerImage.from_docker_image_asset(
        ecr_assets.DockerImageAsset(
            scope,
            "Image",
            directory=str(ROOT),
            file="prompt_app/Dockerfile",
            platform=platforms[configuration.architecture],
            ignore_mode=IgnoreMode.DOCKER,
            # The same image as Docker Hub's, which limits how often builders that share an
            # address, such as CodeBuild's, may ask.
            build_args={"PYTHON": "public.ecr.aws/docker/library/python:3.12-slim"},
        )
    )


class Task(Construct):
    """``definition`` runs as the image's own user on a read-only root file system; ``size`` is CPU
    units and MiB. Where there is a ``preparation``, the app starts once that has succeeded.

    ``/data`` and ``/tmp`` are the task's own volumes and gone with it: what must last is in the
    database and the bucket.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        configuration: Configuration,
        platform: Platform,
        size: tuple[int, int],
        container: Container,
        preparation: Container | None = None,
    ) -> None:
        super().__init__(scope, id)
        self._stream = scope.node.id.lower()
        cpu, memory_mib = size
        self.definition = ecs.FargateTaskDefinition(
            self,
            "Definition",
            cpu=cpu,
            memory_limit_mib=memory_mib,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=(
                    ecs.CpuArchitecture.ARM64
                    if configuration.architecture == "arm64"
                    else ecs.CpuArchitecture.X86_64
                ),
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
        )
        self.log_group = logs.LogGroup(
            self,
            "Log",
            retention=log_retention(configuration),
            removal_policy=removal_policy(configuration),
        )
        for name in ("data", "tmp"):
            self.definition.add_volume(name=name)
        app = self._add("App", platform, container)
        if preparation is not None:
            first = self._add("Preparation", platform, preparation, essential=False)
            app.add_container_dependencies(
                ecs.ContainerDependency(
                    container=first, condition=ecs.ContainerDependencyCondition.SUCCESS
                )
            )
        self.security_group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=platform.network.vpc,
            description=f"{scope.node.id} task",
            allow_all_outbound=False,
        )
        self.security_group.add_egress_rule(
            ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "Model providers and AWS"
        )

    def _add(
        self, id: str, platform: Platform, container: Container, *, essential: bool = True
    ) -> ecs.ContainerDefinition:
        added = self.definition.add_container(
            id,
            image=platform.image,
            command=list(container.command),
            essential=essential,
            user="10001:10001",
            readonly_root_filesystem=True,
            linux_parameters=ecs.LinuxParameters(
                self, "Linux" if essential else f"{id}Linux", init_process_enabled=True
            ),
            environment={**platform.environment, **container.environment},
            secrets=dict(container.secrets),
            logging=ecs.LogDriver.aws_logs(log_group=self.log_group, stream_prefix=self._stream),
            stop_timeout=Duration.seconds(60),
            port_mappings=[ecs.PortMapping(container_port=PORT)] if container.serves else None,
            health_check=_web_health_check() if container.serves else None,
        )
        for name in ("data", "tmp"):
            added.add_mount_points(
                ecs.MountPoint(source_volume=name, container_path=f"/{name}", read_only=False)
            )
        return added


def _web_health_check() -> ecs.HealthCheck:
    probe = (
        "import urllib.request; "
        f"urllib.request.urlopen('http://127.0.0.1:{PORT}/_stcore/health', timeout=3)"
    )
    return ecs.HealthCheck(
        command=["CMD", "python", "-c", probe],
        interval=Duration.seconds(15),
        timeout=Duration.seconds(5),
        retries=3,
        start_period=Duration.seconds(90),
    )
